//! The types of the trusted proxies, and of the forwarding fields that are trusted from them.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

/// The peers whose forwarding fields are trusted: `trusted-proxy`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TrustedProxies {
    /// No peer.
    #[default]
    None,
    /// Every peer, written `*`: safe only if nothing but the proxy can reach the server.
    Any,
    /// These addresses and networks.
    Listed {
        /// A single address is a network with one address.
        networks: Vec<IpNet>,
        /// Whether the peers of a Unix socket are trusted, written `localhost`.
        unix: bool,
    },
}

/// A header field in which a proxy describes the client (a forwarding field).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProxyHeader {
    /// `X-Forwarded-For`: the addresses of the client and of the proxies before this one.
    XForwardedFor,
    /// `X-Forwarded-Host`: the `Host` that the client sent.
    XForwardedHost,
    /// `X-Forwarded-Proto`: `http` or `https`.
    XForwardedProto,
    /// `X-Forwarded-Port`: the port the client connected to.
    XForwardedPort,
    /// `X-Forwarded-By`: the interface on which the proxy received the request.
    XForwardedBy,
    /// `Forwarded` (RFC 7239), which replaces and excludes the others.
    Forwarded,
}

impl ProxyHeader {
    /// All fields, in order of declaration.
    pub const ALL: [Self; 6] = [
        Self::XForwardedFor,
        Self::XForwardedHost,
        Self::XForwardedProto,
        Self::XForwardedPort,
        Self::XForwardedBy,
        Self::Forwarded,
    ];

    /// The field name in lower case, as in the settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::XForwardedHost => "x-forwarded-host",
            Self::XForwardedProto => "x-forwarded-proto",
            Self::XForwardedPort => "x-forwarded-port",
            Self::XForwardedBy => "x-forwarded-by",
            Self::Forwarded => "forwarded",
        }
    }
}

/// A set of forwarding fields: `trusted-proxy-headers`.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct ProxyHeaders(u8);

impl ProxyHeaders {
    /// Whether the field is in the set.
    pub const fn contains(self, header: ProxyHeader) -> bool {
        self.0 & (1 << header as u8) != 0
    }

    /// The set with the field in it.
    #[must_use]
    pub const fn with(self, header: ProxyHeader) -> Self {
        Self(self.0 | 1 << header as u8)
    }

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The fields in it.
    pub fn iter(self) -> impl Iterator<Item = ProxyHeader> {
        ProxyHeader::ALL.into_iter().filter(move |header| self.contains(*header))
    }
}

impl FromIterator<ProxyHeader> for ProxyHeaders {
    fn from_iter<I: IntoIterator<Item = ProxyHeader>>(headers: I) -> Self {
        headers.into_iter().fold(Self::default(), Self::with)
    }
}

impl fmt::Debug for ProxyHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(ProxyHeader::name)).finish()
    }
}

impl TrustedProxies {
    /// Parses addresses, networks, `localhost` and `*`. The error says what would be correct.
    pub(crate) fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let (mut networks, mut unix, mut any, mut count) = (Vec::new(), false, false, 0);
        for word in words {
            count += 1;
            match word {
                "*" => any = true,
                "localhost" => unix = true,
                _ => networks.push(network(word)?),
            }
        }
        match (any, count) {
            (_, 0) => Ok(Self::None),
            (true, 1) => Ok(Self::Any),
            (true, _) => Err("`*` trusts every peer and cannot be combined with others".into()),
            (false, _) => Ok(Self::Listed { networks, unix }),
        }
    }
}

fn network(word: &str) -> Result<IpNet, String> {
    if let Ok(address) = word.parse::<IpAddr>() {
        return Ok(IpNet::from(address.to_canonical()));
    }
    word.parse::<IpNet>().map_err(|_| {
        if word.contains('/') {
            format!("`{word}` is not a network such as `10.0.0.0/8`")
        } else {
            format!("`{word}` is not an address, and names are not looked up")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> TrustedProxies {
        TrustedProxies::parse(words.iter().copied()).expect("valid proxies")
    }

    fn listed(networks: &[&str], unix: bool) -> TrustedProxies {
        let networks = networks.iter().map(|text| text.parse().expect("a network")).collect();
        TrustedProxies::Listed { networks, unix }
    }

    #[test]
    fn addresses_networks_and_unix_sockets_are_trusted_as_written() {
        assert_eq!(parsed(&["10.0.0.0/8", "::1"]), listed(&["10.0.0.0/8", "::1/128"], false));
        assert_eq!(parsed(&["192.0.2.1"]), listed(&["192.0.2.1/32"], false));
        assert_eq!(parsed(&["localhost"]), listed(&[], true));
        assert_eq!(parsed(&["*"]), TrustedProxies::Any);
        assert_eq!(parsed(&[]), TrustedProxies::None);
    }

    #[test]
    fn an_ipv4_mapped_ipv6_address_is_the_ipv4_address() {
        assert_eq!(parsed(&["::ffff:192.0.2.1"]), listed(&["192.0.2.1/32"], false));
    }

    #[test]
    fn names_and_broken_networks_are_refused() {
        assert!(TrustedProxies::parse(["proxy.example"]).is_err());
        assert!(TrustedProxies::parse(["10.0.0.0/33"]).is_err());
        assert!(TrustedProxies::parse(["*", "10.0.0.1"]).is_err());
    }
}
