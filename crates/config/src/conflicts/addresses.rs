//! Checks where the server listens: the families that are on, and whether every address can be bound.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::assembly::{Machine, listen};
use crate::declaration::Setting;
use crate::declaration::network::{
    ADMIN_LISTEN, HOST, IPV4, IPV6, LISTEN, PORT, SOCKETS, UNIX_SOCKET,
};
use crate::merge::Merged;
use crate::problem::Problem;
use crate::system::System;
use crate::values::{DEFAULT_PORT, Endpoint, HostName, Port};

/// Checks them.
pub(super) fn check(merged: &Merged, machine: Machine, problems: &mut Vec<Problem>) {
    families(merged, problems);
    admin_address(merged, machine, problems);
    if machine.system == System::Windows {
        unix_sockets(merged, problems);
    }
}

/// Rejects addresses of a family that is off, and both families off. Waitress treats both off as
/// both on, which nobody can mean.
fn families(merged: &Merged, problems: &mut Vec<Problem>) {
    let (ipv4, ipv6) = (merged.flag(&IPV4), merged.flag(&IPV6));
    if !ipv4 && !ipv6 {
        let problem =
            Problem::new("`ipv4` and `ipv6` are both off: no address is left to listen on");
        problems.push(match merged.location(&IPV6).or_else(|| merged.location(&IPV4)) {
            Some(location) => problem.at(location),
            None => problem,
        });
        return;
    }
    for (name, setting) in hosts(merged) {
        let literal = name.split_once('%').map_or(name.as_str(), |(address, _zone)| address);
        let refused = match (literal.parse::<Ipv4Addr>(), literal.parse::<Ipv6Addr>()) {
            (Ok(_), _) if !ipv4 => Some(("IPv4", &IPV4)),
            (_, Ok(_)) if !ipv6 => Some(("IPv6", &IPV6)),
            _ => None,
        };
        let Some((family, switch)) = refused else { continue };
        let message = format!("`{name}` is an {family} address, and `{}` is off", switch.name);
        let problem = Problem::new(message);
        problems.push(match (merged.location(setting), merged.location(switch)) {
            (Some(location), Some(other)) => {
                problem.at(location).with_other(other, &format!("`{}` is set here", switch.name))
            }
            // The address is the default, so the switch is the location of the problem.
            (_, Some(other)) => problem.at(other).hinting("also set `host`, for example to `*`"),
            (_, None) => problem,
        });
    }
}

/// Rejects Unix sockets, where there are none.
fn unix_sockets(merged: &Merged, problems: &mut Vec<Problem>) {
    let is_one = |text: &String| matches!(Endpoint::parse(text, 0, 0), Ok(Endpoint::Unix { .. }));
    for (setting, is_asked) in [
        (&UNIX_SOCKET, true),
        (&LISTEN, merged.get::<Vec<String>>(&LISTEN).iter().any(is_one)),
        (&ADMIN_LISTEN, is_one(&merged.get(&ADMIN_LISTEN))),
    ] {
        if let (Some(location), true) = (merged.location(setting), is_asked) {
            let message = format!(
                "`{}` asks for a Unix socket: Unix sockets are not available on Windows",
                setting.name
            );
            let hint = "listen on a loopback address, such as `127.0.0.1:8080`";
            problems.push(Problem::new(message).at(location).hinting(hint));
        }
    }
}

/// Rejects an admin listener at an address of the application: the second of both could not be bound.
fn admin_address(merged: &Merged, machine: Machine, problems: &mut Vec<Problem>) {
    let Some(location) = merged.location(&ADMIN_LISTEN) else { return };
    let admin = Endpoint::parse(&merged.get::<String>(&ADMIN_LISTEN), DEFAULT_PORT, 0);
    let (Ok(admin), Ok(application)) = (admin, listen(merged)) else { return };
    let Some(taken) = application.iter().find(|address| are_one(address, &admin, machine)) else {
        return;
    };
    let message =
        format!("`admin-listen` is `{admin}`, and the application is served on `{taken}`");
    let problem = Problem::new(message).at(location);
    let ways = [&LISTEN, &UNIX_SOCKET, &PORT, &HOST];
    let way = ways.into_iter().find_map(|way| Some((way, merged.location(way)?)));
    problems.push(match way {
        Some((way, other)) => problem.with_other(other, &format!("`{}` is set here", way.name)),
        None => problem.hinting("the admin listener needs an address of its own"),
    });
}

/// Whether a process cannot have a socket at each of both. Linux allows no port of one address beside
/// the same port of all of them; other systems do.
fn are_one(one: &Endpoint, other: &Endpoint, machine: Machine) -> bool {
    match (one, other) {
        (Endpoint::Unix { path, .. }, Endpoint::Unix { path: other, .. }) => path == other,
        (Endpoint::Descriptor(one), Endpoint::Descriptor(other)) => one == other,
        (Endpoint::Tcp { host, port }, Endpoint::Tcp { host: other, port: other_port }) => {
            let is_same_port = port == other_port && *port != Port::Number(0);
            let is_one_of_all =
                machine.system == System::Linux && (includes(host, other) || includes(other, host));
            is_same_port && (host == other || is_one_of_all)
        }
        _ => false,
    }
}

/// Whether a host is every address, and the other one of them.
fn includes(all: &HostName, one: &HostName) -> bool {
    match (all, one) {
        (HostName::Any, _) => true,
        (HostName::Name(all), HostName::Name(one)) => {
            all.parse() == Ok(Ipv4Addr::UNSPECIFIED) && one.parse::<Ipv4Addr>().is_ok()
                || all.parse() == Ok(Ipv6Addr::UNSPECIFIED) && one.parse::<Ipv6Addr>().is_ok()
        }
        (HostName::Name(_), HostName::Any) => false,
    }
}

/// The hosts to listen on, each with the setting that it comes from.
fn hosts(merged: &Merged) -> Vec<(String, &'static Setting)> {
    let listen = merged.get::<Vec<String>>(&LISTEN);
    if !listen.is_empty() {
        let endpoints = listen.iter().filter_map(|text| Endpoint::parse(text, 0, 0).ok());
        let names = endpoints.filter_map(|endpoint| match endpoint {
            Endpoint::Tcp { host: HostName::Name(name), .. } => Some((name, &LISTEN)),
            _ => None,
        });
        return names.collect();
    }
    if [&LISTEN, &UNIX_SOCKET, &SOCKETS].into_iter().any(|way| merged.is_attempted(way)) {
        return Vec::new();
    }
    vec![(merged.get(&HOST), &HOST)]
}

/// Whether there is, or may be, a Unix socket: the type of an inherited descriptor is not known.
pub(super) fn listens_at_unix(merged: &Merged) -> bool {
    let is_unix = |text: &String| text.starts_with("unix:") || text.starts_with("fd:");
    merged.location(&UNIX_SOCKET).is_some()
        || merged.location(&SOCKETS).is_some()
        || merged.get::<Vec<String>>(&LISTEN).iter().any(is_unix)
}
