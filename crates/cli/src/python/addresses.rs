//! The addresses and sockets of a server, as Python sees them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use maitred_server::ListenAddress;
use pyo3::prelude::*;
use pyo3::types::PyDict;

#[cfg(unix)]
use std::os::fd::{AsRawFd as _, IntoRawFd as _, OwnedFd as Owned};
#[cfg(windows)]
use std::os::windows::io::{AsRawSocket as _, IntoRawSocket as _, OwnedSocket as Owned};

/// Host and port as text, as in Waitress; for a Unix socket, `unix` and the path.
pub(crate) fn host_and_port(address: &ListenAddress) -> (String, String) {
    match address {
        ListenAddress::Tcp(address) => (address.ip().to_string(), address.port().to_string()),
        ListenAddress::Unix(path) => ("unix".into(), path.display().to_string()),
    }
}

/// The URL for clients on this machine. A server on every interface is reached by loopback.
pub(crate) fn local_url(address: &ListenAddress) -> String {
    let ListenAddress::Tcp(address) = address else { return address.to_string() };
    let host = match address.ip() {
        IpAddr::V4(host) if host.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(host) if host.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        host => host,
    };
    ListenAddress::Tcp(SocketAddr::new(host, address.port())).to_string()
}

/// Converts a socket to a Python `socket.socket`, which owns it from then on. Python detects its
/// family and type.
///
/// # Errors
/// Python rejects the socket, which is then closed.
pub(crate) fn python_socket(
    py: Python<'_>,
    socket: impl Into<Owned>,
) -> PyResult<Bound<'_, PyAny>> {
    let socket = socket.into();
    #[cfg(unix)]
    let number = socket.as_raw_fd();
    #[cfg(windows)]
    let number = socket.as_raw_socket();
    let options = PyDict::new(py);
    options.set_item("fileno", number)?;
    let object = py.import("socket")?.call_method("socket", (), Some(&options))?;
    // From here on Python closes it.
    #[cfg(unix)]
    let _ = socket.into_raw_fd();
    #[cfg(windows)]
    let _ = socket.into_raw_socket();
    Ok(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(address: ListenAddress, host_port: (&str, &str), url: &str) {
        assert_eq!(host_and_port(&address), (host_port.0.to_owned(), host_port.1.to_owned()));
        assert_eq!(local_url(&address), url);
    }

    fn tcp(address: &str) -> ListenAddress {
        ListenAddress::Tcp(address.parse().unwrap())
    }

    #[test]
    fn an_address_is_shown_as_bound_and_its_url_can_be_used_here() {
        check(tcp("10.0.0.1:80"), ("10.0.0.1", "80"), "http://10.0.0.1:80");
        check(tcp("0.0.0.0:8080"), ("0.0.0.0", "8080"), "http://127.0.0.1:8080");
        check(tcp("[::]:8080"), ("::", "8080"), "http://[::1]:8080");
        check(ListenAddress::Unix("/run/m".into()), ("unix", "/run/m"), "unix:/run/m");
    }
}
