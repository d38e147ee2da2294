//! The first lines of the log: version, addresses, threads and interpreter, then the settings that
//! differ from their defaults, each with its origin.
//!
//! People and scripts look for `serving on http://`.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use maitred_config::{Endpoint, HostName, Loaded, Settings, path_text};
use maitred_server::ListenAddress;
use pyo3::prelude::*;

use crate::engine::interpreter;

/// Logs that the server is serving.
///
/// # Errors
/// The interpreter cannot be described.
pub(crate) fn announce(
    py: Python<'_>,
    loaded: &Loaded,
    addresses: &[ListenAddress],
) -> PyResult<()> {
    let addresses: Vec<String> = addresses
        .iter()
        .map(|address| match is_ipv6_only(address, addresses, &loaded.settings) {
            true => format!("{address} (IPv6 only; `*` is IPv4 as well)"),
            false => address.to_string(),
        })
        .collect();
    tracing::info!(
        "maitred {} serving on {} with {} ({})",
        env!("CARGO_PKG_VERSION"),
        addresses.join(", "),
        threads(&loaded.settings),
        interpreter::describe(py)?,
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
    Ok(())
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
