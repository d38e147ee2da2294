//! Which host a request to the admin listener may name.
//!
//! Who listens on a loopback address means this machine only. A web page that is open in a browser on
//! it can still reach the address, and read the answers, if it gives a name of its own an address of
//! 127.0.0.1 (DNS rebinding): the browser takes name and port for the page's own. It cannot choose the
//! Host, so a name that the page can own is not answered.
//!
//! Nobody owns an address, and nobody but the machine `localhost` (RFC 6761 §6.3): those are what
//! Prometheus, a kubelet, `kubectl port-forward` and an SSH tunnel are told to ask. A name that stands
//! in `admin-listen` is its owner's choice. Other addresses, and Unix sockets, may be asked by any name.

use std::net::IpAddr;

use crate::listen::ListenAddress;

/// The hosts that requests on one listener may name.
#[derive(Debug)]
pub(super) enum AllowedHosts {
    Any,
    /// Addresses, `localhost`, and this name.
    Local(Option<String>),
}

impl AllowedHosts {
    /// Those of a listener, whose address was looked up by a name, or not.
    pub(super) fn of(address: &ListenAddress, name: Option<&str>) -> Self {
        match address {
            ListenAddress::Tcp(address) if address.ip().to_canonical().is_loopback() => {
                Self::Local(name.map(str::to_owned))
            }
            ListenAddress::Tcp(_) | ListenAddress::Unix(_) => Self::Any,
        }
    }

    /// Whether a valid Host is one of them. Without one, it is no browser that asks.
    pub(super) fn contain(&self, host: Option<&[u8]>) -> bool {
        let (Self::Local(name), Some(host)) = (self, host) else { return true };
        let host = String::from_utf8_lossy(host);
        if host.is_empty() || host.starts_with('[') {
            return true; // the only thing in brackets is an address
        }
        let without_port = host.split_once(':').map_or(&*host, |(host, _)| host);
        let host = without_port.strip_suffix('.').unwrap_or(without_port).to_ascii_lowercase();
        let is_name = name.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(&host));
        is_name || host == "localhost" || host.ends_with(".localhost") || is_address(&host)
    }
}

/// Whether `host` is an IPv4 address. `127.1` is one, too: a name does not end in a number.
fn is_address(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or(host);
    host.parse::<IpAddr>().is_ok()
        || (!last.is_empty() && last.bytes().all(|it| it.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loopback(name: Option<&str>) -> AllowedHosts {
        AllowedHosts::of(&ListenAddress::Tcp(([127, 0, 0, 1], 9100).into()), name)
    }

    #[test]
    fn a_loopback_address_answers_to_addresses_and_to_localhost() {
        for host in [
            "127.0.0.1:9100",
            "127.0.0.1",
            "127.1:9100",
            "10.1.2.3:9100",
            "[::1]:9100",
            "[::1]",
            "localhost",
            "LocalHost:9100",
            "localhost.:9100",
            "web.localhost:9100",
            "",
        ] {
            assert!(loopback(None).contain(Some(host.as_bytes())), "{host}");
        }
        assert!(loopback(None).contain(None), "HTTP/1.0");
    }

    #[test]
    fn a_loopback_address_answers_to_no_name_that_somebody_may_own() {
        for host in [
            "evil.example:9100",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example:9100",
            "notlocalhost",
            "web1",
            "%6cocalhost",
        ] {
            assert!(!loopback(None).contain(Some(host.as_bytes())), "{host}");
        }
    }

    #[test]
    fn the_name_in_the_settings_is_answered_to() {
        let allowed = loopback(Some("web1.example"));
        assert!(
            allowed.contain(Some(b"web1.example:9100")) && allowed.contain(Some(b"WEB1.example"))
        );
        assert!(!allowed.contain(Some(b"web2.example")));
    }

    #[test]
    fn other_addresses_and_unix_sockets_answer_to_every_name() {
        let everywhere = ListenAddress::Tcp(([0, 0, 0, 0], 9100).into());
        let mapped = ListenAddress::Tcp("[::ffff:127.0.0.1]:9100".parse().unwrap());
        let unix = ListenAddress::Unix("/run/admin.sock".into());
        let contains = |address| AllowedHosts::of(&address, None).contain(Some(b"evil.example"));
        assert_eq!([everywhere, unix, mapped].map(contains), [true, true, false]);
    }
}
