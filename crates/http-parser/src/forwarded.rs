//! The client as described by trusted proxies (RFC 7239 and `X-Forwarded-*`).
//!
//! Anyone can send forwarding fields. They are trusted only from the configured peers, and only the
//! configured fields. Of a list, only the last entries count, as many as there are proxies, because
//! a client can forge the entries before them. Untrusted fields do not reach the application, where
//! a framework could use them. A trusted field that is malformed is rejected, because a proxy that
//! sends an invalid value probably passes on a value from the client.

mod parse;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::message::{RequestHead, Scheme};
use crate::peer::Peer;
use crate::rejection::Rejection;
use parse::ParsedFields;

/// The result of evaluating the forwarding fields (`Forwarded`, `X-Forwarded-*`).
#[derive(Clone, Debug, Default)]
pub enum Forwarded {
    /// There are no trusted fields, and no forwarding field reaches the application.
    #[default]
    Cleared,
    /// The peer is not trusted, and its fields are passed on unchanged.
    Untouched,
    /// The values that a trusted proxy sent; shared, because the log needs them after the response.
    Trusted(Arc<ForwardedValues>),
}

/// The validated values of a trusted proxy; `None` for a value that it did not send. Text is latin-1
/// as in the environ: each character is one byte, up to U+00FF.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForwardedValues {
    /// REMOTE_ADDR and REMOTE_HOST: an address without brackets, or a name such as `unknown`.
    pub remote_addr: Option<String>,
    /// REMOTE_PORT.
    pub remote_port: Option<String>,
    /// `wsgi.url_scheme`: `http` or `https`.
    pub scheme: Option<&'static str>,
    /// SERVER_NAME.
    pub server_name: Option<String>,
    /// SERVER_PORT.
    pub server_port: Option<String>,
    /// HTTP_HOST.
    pub host: Option<String>,
    /// The forwarding fields for the application: lower-case name and rewritten value. All others
    /// are removed.
    pub fields: Vec<(&'static str, String)>,
}

/// Which peers and which forwarding fields are trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// The trusted proxies.
    pub peers: TrustedPeers,
    /// The number of proxies in a row in front of the server; 0 counts as 1.
    pub count: usize,
    /// The fields that are trusted.
    pub trusted_fields: TrustedFields,
    /// Whether untrusted fields are removed before the application is called.
    pub clear_untrusted: bool,
    /// Whether untrusted fields are logged.
    pub log_untrusted: bool,
    /// `wsgi.url_scheme` if no proxy sends a scheme. It determines the default port.
    pub url_scheme: Box<str>,
}

impl Default for Trust {
    fn default() -> Self {
        Self {
            peers: TrustedPeers::None,
            count: 1,
            trusted_fields: TrustedFields::default(),
            clear_untrusted: true,
            log_untrusted: false,
            url_scheme: "http".into(),
        }
    }
}

/// The peers that are trusted proxies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TrustedPeers {
    /// No peer.
    #[default]
    None,
    /// Every peer: safe only if nothing but the proxy can reach the server.
    Any,
    /// The listed peers.
    Listed {
        /// A single address is a network with one address.
        networks: Vec<IpNet>,
        /// Whether the peers of Unix sockets are trusted.
        unix: bool,
    },
}

impl TrustedPeers {
    /// Whether `address` is trusted; `None` is the peer of a Unix socket. An IPv4-mapped IPv6
    /// address (`::ffff:10.0.0.1`) is treated as the IPv4 address.
    pub fn contain(&self, address: Option<IpAddr>) -> bool {
        match (self, address) {
            (Self::None, _) => false,
            (Self::Any, _) => true,
            (Self::Listed { unix, .. }, None) => *unix,
            (Self::Listed { networks, .. }, Some(address)) => {
                let address = address.to_canonical();
                networks.iter().any(|network| network.contains(&address))
            }
        }
    }
}

/// The fields that are trusted. If `forwarded` is set, the others are not, because two sources of
/// the same information can contradict each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrustedFields {
    /// `Forwarded` (RFC 7239).
    pub forwarded: bool,
    /// `X-Forwarded-For`: the client's address.
    pub x_forwarded_for: bool,
    /// `X-Forwarded-Host`: the host that the client requested.
    pub x_forwarded_host: bool,
    /// `X-Forwarded-Proto`: `http` or `https`.
    pub x_forwarded_proto: bool,
    /// `X-Forwarded-Port`: the port the client connected to.
    pub x_forwarded_port: bool,
    /// `X-Forwarded-By`: passed on, not evaluated.
    pub x_forwarded_by: bool,
}

/// The names of the forwarding fields, in lower case and in their usual spelling.
const NAMES: [(&str, &str); 6] = [
    ("forwarded", "Forwarded"),
    ("x-forwarded-by", "X-Forwarded-By"),
    ("x-forwarded-for", "X-Forwarded-For"),
    ("x-forwarded-host", "X-Forwarded-Host"),
    ("x-forwarded-port", "X-Forwarded-Port"),
    ("x-forwarded-proto", "X-Forwarded-Proto"),
];

impl TrustedFields {
    fn contains(self, name: &str) -> bool {
        match name {
            "forwarded" => self.forwarded,
            _ if self.forwarded => false,
            "x-forwarded-by" => self.x_forwarded_by,
            "x-forwarded-for" => self.x_forwarded_for,
            "x-forwarded-host" => self.x_forwarded_host,
            "x-forwarded-port" => self.x_forwarded_port,
            "x-forwarded-proto" => self.x_forwarded_proto,
            _ => false,
        }
    }
}

/// Why a request is rejected because of its forwarding fields or its scheme.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForwardedError {
    /// A trusted field is malformed.
    #[error("malformed proxy header `{header}`: {reason}, not `{value}`")]
    Malformed {
        /// The field.
        header: &'static str,
        /// What would be correct.
        reason: &'static str,
        /// The value, escaped and shortened.
        value: String,
    },
    /// An https target, although no trusted proxy reported https (RFC 9110 §7.4).
    #[error("an https target, but no trusted proxy says that the client used https")]
    SchemeNotTrusted,
}

impl ForwardedError {
    /// The rejection that answers the client.
    pub fn rejection(&self) -> Rejection {
        match self {
            Self::Malformed { .. } => Rejection::Forwarded,
            Self::SchemeNotTrusted => Rejection::Target,
        }
    }
}

/// The refusal for a malformed field.
fn malformed(header: &'static str, reason: &'static str, value: &[u8]) -> ForwardedError {
    let shown = value.get(..80).unwrap_or(value).escape_ascii().to_string();
    ForwardedError::Malformed { header, reason, value: shown }
}

/// Evaluates the forwarding fields of `head`, received from `peer`.
///
/// # Errors
/// A trusted field is malformed, or the target's scheme is https and no trusted proxy reported it.
pub fn resolve(
    trust: &Trust,
    head: &RequestHead,
    peer: &Peer,
) -> Result<Forwarded, ForwardedError> {
    let forwarded = if trust.peers.contain(peer.address.map(|address| address.ip())) {
        read(trust, head)?
    } else if trust.clear_untrusted {
        Forwarded::Cleared
    } else {
        Forwarded::Untouched
    };
    if head.target_scheme() == Some(Scheme::Https) {
        match &forwarded {
            Forwarded::Trusted(values) if values.scheme == Some("https") => {}
            _ => return Err(ForwardedError::SchemeNotTrusted),
        }
    }
    Ok(forwarded)
}

/// The untrusted forwarding fields of `head` from `peer`, for the log: each name once, in its usual
/// spelling. Only needed if [`Trust::log_untrusted`] is set.
pub fn untrusted_fields(trust: &Trust, head: &RequestHead, peer: &Peer) -> Vec<&'static str> {
    let trusted = trust.peers.contain(peer.address.map(|address| address.ip()));
    NAMES
        .iter()
        .filter(|(name, _)| !(trusted && trust.trusted_fields.contains(name)))
        .filter(|(name, _)| head.field(name).is_some())
        .map(|&(_, written)| written)
        .collect()
}

/// Reads the fields of a trusted proxy.
fn read(trust: &Trust, head: &RequestHead) -> Result<Forwarded, ForwardedError> {
    let mut parsed = ParsedFields::default();
    let mut fields = Vec::new();
    for &(name, written) in &NAMES {
        let Some(value) = joined(head, name) else { continue };
        if trust.trusted_fields.contains(name) {
            let passed_on = parsed.read(name, written, &value, trust.count.max(1))?;
            fields.push((name, text(passed_on)));
        } else if !trust.clear_untrusted {
            fields.push((name, text(&value)));
        }
    }
    if fields.is_empty() {
        return Ok(Forwarded::Cleared);
    }
    let mut values = combine(parsed, &trust.url_scheme);
    values.fields = fields;
    Ok(Forwarded::Trusted(Arc::new(values)))
}

/// The combined value of all lines of a field (RFC 9110 §5.3).
fn joined<'h>(head: &'h RequestHead, name: &str) -> Option<Cow<'h, [u8]>> {
    let mut values = head
        .fields()
        .filter(|(candidate, _)| candidate.eq_ignore_ascii_case(name.as_bytes()))
        .map(|(_, value)| value);
    let first = values.next()?;
    let mut whole = Cow::Borrowed(first);
    for value in values {
        whole.to_mut().extend_from_slice(b", ");
        whole.to_mut().extend_from_slice(value);
    }
    Some(whole)
}

/// Combines client, scheme, host and port.
fn combine(parsed: ParsedFields, url_scheme: &str) -> ForwardedValues {
    let mut values = ForwardedValues { scheme: parsed.scheme, ..ForwardedValues::default() };
    let scheme = parsed.scheme.unwrap_or(url_scheme);
    // A scheme without a port implies the default port.
    let mut port = parsed.port.or_else(|| usual_port(parsed.scheme?).map(str::to_owned));
    if let Some(host) = parsed.host {
        // The port in the host field is the one that the client used, so it takes precedence.
        values.host = Some(match (&host.port, &port) {
            (Some(own), _) => format!("{}:{own}", host.name),
            (None, Some(port)) if usual_port(scheme) != Some(port) => {
                format!("{}:{port}", host.name)
            }
            (None, _) => host.name.clone(),
        });
        values.server_name = Some(host.name);
        port = host.port.or(port);
    }
    values.server_port = port;
    if let Some(client) = parsed.client {
        values.remote_addr = Some(client.name);
        values.remote_port = client.port;
    }
    values
}

fn usual_port(scheme: &str) -> Option<&'static str> {
    match scheme {
        "http" => Some("80"),
        "https" => Some("443"),
        _ => None,
    }
}

/// Decodes latin-1, as for every value in the environ.
fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}
