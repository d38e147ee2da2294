//! The first lines of the log: version, addresses, threads and interpreter, then the settings that
//! differ from their defaults, each with its origin; in development, how to stop.
//!
//! People and scripts look for `serving on http://`.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use maitred_config::{Endpoint, HostName, Loaded, Purpose, Settings, path_text};
use maitred_server::{Interpreter, ListenAddress};

use crate::engine::interpreter;

/// Logs that the server is serving.
pub(crate) fn announce(interpreter: &Interpreter, loaded: &Loaded, addresses: &[ListenAddress]) {
    let names: Vec<String> = addresses
        .iter()
        .map(|address| match is_ipv6_only(address, addresses, &loaded.settings) {
            true => format!("{address} (IPv6 only; `*` is IPv4 as well)"),
            false => address.to_string(),
        })
        .collect();
    tracing::info!(
        "maitred {} serving on {} with {} ({}){}",
        env!("CARGO_PKG_VERSION"),
        names.join(", "),
        threads(&loaded.settings),
        interpreter::describe(interpreter),
        reach(addresses),
    );
    let values = loaded.to_json(false);
    let changed: Vec<String> = loaded
        .changed()
        .map(|(setting, origin)| {
            let value = values[setting.name].to_string();
            format!("{}={} ({origin})", setting.name, path_text::shown(&value))
        })
        .collect();
    if !changed.is_empty() {
        tracing::info!("non-default settings: {}", changed.join(", "));
    }
    if loaded.settings.purpose == Purpose::Development {
        tracing::info!("{}; press Ctrl-C to stop", reloading(&loaded.settings));
    }
}

/// Whether `[::]` was asked for, which other servers take for IPv4 as well, and nothing serves that.
fn is_ipv6_only(address: &ListenAddress, all: &[ListenAddress], settings: &Settings) -> bool {
    let ListenAddress::Tcp(address) = address else { return false };
    let any_ipv4 = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), address.port());
    let is_asked_for = settings.network.listen.iter().any(|endpoint| {
        matches!(endpoint, Endpoint::Tcp { host: HostName::Name(name), .. }
            if name.parse() == Ok(Ipv6Addr::UNSPECIFIED))
    });
    address.ip() == Ipv6Addr::UNSPECIFIED
        && is_asked_for
        && !all.contains(&ListenAddress::Tcp(any_ipv4))
}

/// Whether other machines can reach an address: the end of the first line.
fn reach(addresses: &[ListenAddress]) -> String {
    let is_reachable = |address: &&ListenAddress| match address {
        ListenAddress::Tcp(address) => !address.ip().to_canonical().is_loopback(),
        ListenAddress::Unix(_) => false,
    };
    let reachable: Vec<_> = addresses.iter().filter(is_reachable).collect();
    match reachable.len() {
        0 => String::new(),
        all if all == addresses.len() => ", reachable from other machines".into(),
        _ => {
            let names: Vec<_> = reachable.iter().map(ToString::to_string).collect();
            format!(", reachable from other machines: {}", names.join(", "))
        }
    }
}

/// What `dev` does when the code changes.
fn reloading(settings: &Settings) -> &'static str {
    if settings.processes.reload {
        "the code is reloaded when it changes"
    } else if settings.processes.workers > 1 {
        "the code is not reloaded, because there are several worker processes"
    } else if cfg!(windows) {
        "the code is not reloaded on Windows: start again when it has changed"
    } else {
        "the code is not reloaded"
    }
}

fn threads(settings: &Settings) -> String {
    let threads = match settings.limits.threads {
        1 => "1 thread".into(),
        several => format!("{several} threads"),
    };
    match settings.processes.workers {
        1 => threads,
        several => format!("{several} worker processes with {threads} each"),
    }
}
