//! Checks combinations of settings that are valid one by one.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::assembly::{Machine, NoWorkers, listen, max_rss, workers};
use crate::declaration::Setting;
use crate::declaration::application::URL_SCHEME;
use crate::declaration::network::{
    ADMIN_LISTEN, HOST, IPV4, IPV6, LISTEN, PORT, SOCKETS, UNIX_SOCKET, UNIX_SOCKET_PERMS,
};
use crate::declaration::observability::{
    ACCESS_LOG, ACCESS_LOG_EXCLUDE, ACCESS_LOG_FORMAT, ACCESS_LOG_QUERY, LOG_FIELDS, LOG_FORMAT,
    REQUEST_ID,
};
use crate::declaration::processes::{
    MAX_REQUESTS, MAX_REQUESTS_JITTER, MAX_RSS, PRELOAD, RELOAD, SUPERVISOR, WORKERS,
};
use crate::declaration::proxy::{TRUSTED_PROXY, TRUSTED_PROXY_COUNT, TRUSTED_PROXY_HEADERS};
use crate::declaration::timeouts::{
    BODY_TIMEOUT, CHANNEL_TIMEOUT, HEADER_TIMEOUT, KEEP_ALIVE_TIMEOUT, REQUEST_TIMEOUT,
    SLOW_REQUEST, WRITE_TIMEOUT,
};
use crate::merge::Merged;
use crate::problem::{Problem, Warning};
use crate::raw_value::Value;
use crate::suggestion::nearest;
use crate::system::System;
use crate::values::quantity::write_duration;
use crate::values::{DEFAULT_PORT, Endpoint, HostName, MemoryLimit, Port, SupervisorUse};

/// Checks every combination.
pub(crate) fn check(
    merged: &Merged,
    machine: Machine,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Warning>,
) {
    families(merged, problems);
    admin_address(merged, machine, problems);
    if machine.system == System::Windows {
        unix_sockets(merged, problems);
    }
    proxies(merged, problems, warnings);
    without_effect(merged, warnings);
    url_scheme(merged, warnings);
    longer_than_channel(merged, warnings);
    left_behind_by_channel(merged, warnings);
    slow_request(merged, warnings);
    processes(merged, machine, problems);
    smallest_max_rss(merged, problems);
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

fn proxies(merged: &Merged, problems: &mut Vec<Problem>, warnings: &mut Vec<Warning>) {
    let trusted = merged.location(&TRUSTED_PROXY);
    for setting in [&TRUSTED_PROXY_COUNT, &TRUSTED_PROXY_HEADERS] {
        if merged.is_attempted(&TRUSTED_PROXY) {
            continue;
        }
        if let Some(location) = merged.changed_location(setting) {
            let message = format!("`{}` needs `trusted-proxy`", setting.name);
            let hint = "without it, no proxy is trusted";
            problems.push(Problem::new(message).at(location).hinting(hint));
        }
    }
    if let (Some(location), false) = (trusted, merged.is_attempted(&TRUSTED_PROXY_HEADERS)) {
        let message =
            "`trusted-proxy` without `trusted-proxy-headers` trusts only `x-forwarded-proto`";
        let hint = "list the fields that your proxy sets in `trusted-proxy-headers`";
        warnings.push(Warning(Problem::new(message).at(location).hinting(hint)));
    }
    let trusts_unix =
        merged.get::<Vec<String>>(&TRUSTED_PROXY).iter().any(|word| word == "localhost");
    if let (Some(location), true) = (trusted, trusts_unix && !listens_at_unix(merged)) {
        let message = "`localhost` in `trusted-proxy` means Unix sockets, but there is none";
        let hint = "for a proxy on this machine, write `127.0.0.1` and `::1`";
        warnings.push(Warning(Problem::new(message).at(location).hinting(hint)));
    }
    if let (None, Some(location), "pass") =
        (trusted, merged.location(&REQUEST_ID), merged.get::<String>(&REQUEST_ID).as_str())
    {
        let message = "`request-id` is `pass`, but no proxy is trusted to send one";
        warnings.push(Warning(Problem::new(message).at(location).hinting("set `trusted-proxy`")));
    }
}

/// Whether there is, or may be, a Unix socket: the type of an inherited descriptor is not known.
fn listens_at_unix(merged: &Merged) -> bool {
    let is_unix = |text: &String| text.starts_with("unix:") || text.starts_with("fd:");
    merged.location(&UNIX_SOCKET).is_some()
        || merged.location(&SOCKETS).is_some()
        || merged.get::<Vec<String>>(&LISTEN).iter().any(is_unix)
}

/// Rejects settings of worker processes that exclude each other, or that need what there is not.
fn processes(merged: &Merged, machine: Machine, problems: &mut Vec<Problem>) {
    if let (Some(location), false) =
        (merged.location(&MAX_REQUESTS_JITTER), merged.is_attempted(&MAX_REQUESTS))
    {
        let message = "`max-requests-jitter` needs `max-requests`";
        let hint = "without it, no worker is replaced";
        problems.push(Problem::new(message).at(location).hinting(hint));
    }
    let workers = workers(merged, machine);
    if let (Some(location), true) = (merged.location(&RELOAD), merged.flag(&RELOAD) && workers > 1)
    {
        let message = "`reload` serves with one worker process, and `workers` is more";
        let problem = Problem::new(message).at(location).hinting("`reload` is for development");
        problems.push(match merged.location(&WORKERS) {
            Some(other) => problem.with_other(other, "`workers` is set here"),
            None => problem,
        });
    }
    preload(merged, machine, problems);
    let supervisor: SupervisorUse = merged.get(&SUPERVISOR);
    for (setting, is_needed) in [
        (&WORKERS, workers > 1),
        (&PRELOAD, merged.flag(&PRELOAD)),
        (&MAX_REQUESTS, merged.get::<u64>(&MAX_REQUESTS) > 0),
        (&MAX_RSS, max_rss(merged).is_some()),
        (&RELOAD, merged.flag(&RELOAD)),
        (&SUPERVISOR, supervisor == SupervisorUse::Always),
    ] {
        let (Some(location), true) = (merged.location(setting), is_needed) else { continue };
        let name = setting.name;
        if let Some(why) = machine.lacks_workers() {
            let (reason, hint) = match why {
                NoWorkers::OnWindows => (
                    "a supervisor, which is not supported on Windows",
                    "run several services behind IIS or a proxy",
                ),
                NoWorkers::IfPacked => (
                    "worker processes, and a packed program has no interpreter to start them with",
                    "leave it out, and start the program several times behind a proxy; or pack it \
                     with shiv or pex, which use the interpreter of the machine",
                ),
            };
            let problem = Problem::new(format!("`{name}` needs {reason}"));
            problems.push(problem.at(location).hinting(hint));
        } else if supervisor == SupervisorUse::Never {
            let problem = Problem::new(format!("`{name}` needs a supervisor")).at(location);
            problems.push(match merged.location(&SUPERVISOR) {
                Some(other) => problem.with_other(other, "`supervisor` is `never` here"),
                None => problem,
            });
        }
    }
}

/// The size below which `max-rss` must have been meant in another unit: no interpreter is as small.
const LEAST_MAX_RSS: u64 = 1 << 20;

/// Rejects a `max-rss` in megabytes, in which uWSGI and granian count, or in kilobytes.
fn smallest_max_rss(merged: &Merged, problems: &mut Vec<Problem>) {
    let (Some(location), Some(MemoryLimit::Bytes(bytes @ ..LEAST_MAX_RSS))) =
        (merged.location(&MAX_RSS), max_rss(merged))
    else {
        return;
    };
    let unit = if bytes < LEAST_MAX_RSS >> 4 { "MiB" } else { "KiB" };
    let message = format!("`max-rss` is {bytes} bytes, which every process exceeds");
    let hint = format!("a size without a unit is in bytes: write `{bytes}{unit}`");
    problems.push(Problem::new(message).at(location).hinting(hint));
}

/// Rejects `preload` where nothing can be forked, or where each process has to import the code itself.
fn preload(merged: &Merged, machine: Machine, problems: &mut Vec<Problem>) {
    let (Some(location), true) = (merged.location(&PRELOAD), merged.flag(&PRELOAD)) else { return };
    if machine.system == System::Unix {
        let message = "`preload` is supported on Linux only";
        let hint = "leave it out: each worker then imports the application";
        problems.push(Problem::new(message).at(location).hinting(hint));
    }
    if merged.flag(&RELOAD) {
        let message = "`preload` and `reload` exclude each other";
        let problem = Problem::new(message).at(location);
        problems.push(match merged.location(&RELOAD) {
            Some(other) => problem.with_other(other, "`reload` is set here"),
            None => problem.hinting("`reload` is for development"),
        });
    }
}

/// Notes settings that were set but have no effect.
fn without_effect(merged: &Merged, warnings: &mut Vec<Warning>) {
    let json = |setting| merged.get::<String>(setting) == "json";
    let is_json = json(&LOG_FORMAT) || json(&ACCESS_LOG_FORMAT);
    let has_access_log = merged.value(&ACCESS_LOG) != Value::None;
    let replaces = merged.get::<u64>(&MAX_REQUESTS) > 0 || !merged.is_attempted(&MAX_REQUESTS);
    let needs: [(&Setting, &str, bool); 6] = [
        (&ACCESS_LOG_FORMAT, "`access-log` is not set", has_access_log),
        (&ACCESS_LOG_EXCLUDE, "`access-log` is not set", has_access_log),
        (&ACCESS_LOG_QUERY, "`access-log` is not set", has_access_log),
        (&LOG_FIELDS, "no log is JSON", is_json),
        (&UNIX_SOCKET_PERMS, "there is no Unix socket", listens_at_unix(merged)),
        (&MAX_REQUESTS_JITTER, "`max-requests` is 0", replaces),
    ];
    for (setting, reason, is_used) in needs {
        if let (Some(location), false) = (merged.changed_location(setting), is_used) {
            let message = format!("`{}` has no effect: {reason}", setting.name);
            warnings.push(Warning(Problem::new(message).at(location)));
        }
    }
}

/// Notes a scheme that is neither of the two that applications compare it with.
fn url_scheme(merged: &Merged, warnings: &mut Vec<Warning>) {
    const SCHEMES: [&str; 2] = ["http", "https"];
    let scheme: String = merged.get(&URL_SCHEME);
    let Some(location) = merged.location(&URL_SCHEME) else { return };
    if !SCHEMES.contains(&scheme.as_str()) {
        let message = format!("`url-scheme` is `{scheme}`, and neither `http` nor `https`");
        let problem = Problem::new(message).at(location);
        warnings.push(Warning(match nearest(&scheme, SCHEMES) {
            Some(right) => problem.hinting(format!("did you mean `{right}`?")),
            None => problem,
        }));
    }
}

/// Notes a stack that is logged when `request-timeout` has already done so.
fn slow_request(merged: &Merged, warnings: &mut Vec<Warning>) {
    let (slow, limit) = (merged.get::<i64>(&SLOW_REQUEST), merged.get::<i64>(&REQUEST_TIMEOUT));
    if let Some(location) = merged.location(&SLOW_REQUEST)
        && (1..=slow).contains(&limit)
    {
        let message = format!(
            "`slow-request` ({}) has no effect: `request-timeout` ({}) logs the stack before",
            write_duration(slow),
            write_duration(limit)
        );
        warnings.push(Warning(Problem::new(message).at(location)));
    }
}

/// Notes timeouts that would follow a longer `channel-timeout`, were they not set to what is their
/// default: a file that was made from all defaults does so, and nobody who means it.
fn left_behind_by_channel(merged: &Merged, warnings: &mut Vec<Warning>) {
    if merged.get::<i64>(&CHANNEL_TIMEOUT) <= merged.default::<i64>(&CHANNEL_TIMEOUT) {
        return;
    }
    for setting in [&KEEP_ALIVE_TIMEOUT, &BODY_TIMEOUT, &WRITE_TIMEOUT] {
        let own = merged.get::<i64>(setting);
        if let Some(location) = merged.location(setting)
            && own == merged.default::<i64>(setting)
        {
            let message = format!(
                "`{}` is set to its default ({}), and so does not follow `channel-timeout` ({})",
                setting.name,
                write_duration(own),
                write_duration(merged.get(&CHANNEL_TIMEOUT))
            );
            let hint = "leave it out";
            warnings.push(Warning(Problem::new(message).at(location).hinting(hint)));
        }
    }
}

/// Notes timeouts that were set longer than `channel-timeout`, which Waitress does not have apart.
fn longer_than_channel(merged: &Merged, warnings: &mut Vec<Warning>) {
    let channel = merged.get::<i64>(&CHANNEL_TIMEOUT);
    for setting in [&KEEP_ALIVE_TIMEOUT, &HEADER_TIMEOUT, &BODY_TIMEOUT, &WRITE_TIMEOUT] {
        let own = merged.get::<i64>(setting);
        if let Some(location) = merged.location(setting)
            && channel > 0
            && own > channel
        {
            let message = format!(
                "`{}` ({}) is longer than `channel-timeout` ({}), and is used",
                setting.name,
                write_duration(own),
                write_duration(channel)
            );
            warnings.push(Warning(Problem::new(message).at(location)));
        }
    }
}
