//! Who the client is, as told by proxies that are trusted.
//!
//! `Forwarded` (RFC 7239) and `X-Forwarded-*` are written by whoever likes to. They are believed
//! only from peers that the operator trusts, only those fields that the operator names, and of
//! lists only the last hops, as many as there are proxies: what stands before them, a client may
//! have made up. From anybody else they do not even reach the application, where a framework could
//! believe them. What is believed and malformed is refused: a proxy that writes nonsense is a
//! proxy that passes on somebody's nonsense.

mod parse;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::message::{RequestHead, Scheme};
use crate::peer::Peer;
use crate::rejection::Rejection;
use parse::Said;

/// What became of the fields that proxies add (`Forwarded`, `X-Forwarded-*`).
#[derive(Clone, Debug, Default)]
pub enum Forwarded {
    /// The peer is not a trusted proxy, or said nothing: such fields do not reach the application.
    #[default]
    Cleared,
    /// The peer is not a trusted proxy, and its fields are passed on unread.
    Untouched,
    /// A trusted proxy spoke: this is what it said.
    Trusted(Box<Told>),
}

/// What a trusted proxy said about the client, checked. What it did not say is `None`. Each
/// character is one byte that it sent, up to U+00FF (latin-1), as in the environ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
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
    /// Forwarding fields as the application should see them: lower-case name and rewritten value.
    /// Those of the request that do not stand here are not passed on.
    pub fields: Vec<(&'static str, String)>,
}

/// Whose forwarding fields are believed, and which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// Who is a trusted proxy.
    pub peers: TrustedPeers,
    /// How many proxies stand in a row before the server: at least 1, and 0 counts as 1.
    pub count: usize,
    /// The fields that are believed from them.
    pub believed: Believed,
    /// Whether fields that are not believed are kept from the application.
    pub clear_untrusted: bool,
    /// Whether fields that were kept from it are worth a line in the log.
    pub log_untrusted: bool,
    /// `wsgi.url_scheme` where no proxy says otherwise: decides which port is the usual one.
    pub url_scheme: Box<str>,
}

impl Default for Trust {
    fn default() -> Self {
        Self {
            peers: TrustedPeers::None,
            count: 1,
            believed: Believed::default(),
            clear_untrusted: true,
            log_untrusted: false,
            url_scheme: "http".into(),
        }
    }
}

/// Peers that are trusted proxies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TrustedPeers {
    /// Nobody.
    #[default]
    None,
    /// Everybody: right only where nothing but the proxy can reach the server.
    Any,
    /// These.
    Listed {
        /// A single address is a network of one.
        networks: Vec<IpNet>,
        /// Whether the peers of a Unix socket are trusted.
        unix: bool,
    },
}

impl TrustedPeers {
    /// Whether `address` is trusted; a peer of a Unix socket has none. An IPv4 address at an IPv6
    /// socket (`::ffff:10.0.0.1`) is the IPv4 address.
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

/// The fields that are believed from a trusted proxy. `forwarded` stands for itself: where it is
/// set, the others are not believed, because two accounts of one thing can contradict each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Believed {
    /// `Forwarded` (RFC 7239).
    pub forwarded: bool,
    /// `X-Forwarded-For`: the client's address.
    pub x_forwarded_for: bool,
    /// `X-Forwarded-Host`: the host the client asked for.
    pub x_forwarded_host: bool,
    /// `X-Forwarded-Proto`: `http` or `https`.
    pub x_forwarded_proto: bool,
    /// `X-Forwarded-Port`: the port the client connected to.
    pub x_forwarded_port: bool,
    /// `X-Forwarded-By`: passed on, not read.
    pub x_forwarded_by: bool,
}

/// Names of forwarding fields: in lower case, and as they are usually written.
const NAMES: [(&str, &str); 6] = [
    ("forwarded", "Forwarded"),
    ("x-forwarded-by", "X-Forwarded-By"),
    ("x-forwarded-for", "X-Forwarded-For"),
    ("x-forwarded-host", "X-Forwarded-Host"),
    ("x-forwarded-port", "X-Forwarded-Port"),
    ("x-forwarded-proto", "X-Forwarded-Proto"),
];

impl Believed {
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

/// Why a request is refused for what it says about where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A trusted proxy's field is outside its grammar.
    #[error("malformed proxy header `{header}`: {reason}, not `{value}`")]
    Malformed {
        /// Which field.
        header: &'static str,
        /// What would be right.
        reason: &'static str,
        /// What stands there: escaped, and cut short.
        value: String,
    },
    /// An https target on a connection that no trusted proxy said was https (RFC 9110 §7.4).
    #[error("an https target, but no trusted proxy says that the client used https")]
    SchemeNotTrusted,
}

impl Refusal {
    /// How the client is answered.
    pub fn rejection(&self) -> Rejection {
        match self {
            Self::Malformed { .. } => Rejection::Forwarded,
            Self::SchemeNotTrusted => Rejection::Target,
        }
    }
}

/// A field that is not as it should be.
fn malformed(header: &'static str, reason: &'static str, value: &[u8]) -> Refusal {
    let shown = value.get(..80).unwrap_or(value).escape_ascii().to_string();
    Refusal::Malformed { header, reason, value: shown }
}

/// What proxies say about the client of `head`, which came from `peer`.
///
/// # Errors
/// A believed field is malformed, or the target says https and no trusted proxy does.
pub fn resolve(trust: &Trust, head: &RequestHead, peer: &Peer) -> Result<Forwarded, Refusal> {
    let forwarded = if trust.peers.contain(peer.address.map(|address| address.ip())) {
        read(trust, head)?
    } else if trust.clear_untrusted {
        Forwarded::Cleared
    } else {
        Forwarded::Untouched
    };
    if head.target_scheme() == Some(Scheme::Https) {
        match &forwarded {
            Forwarded::Trusted(told) if told.scheme == Some("https") => {}
            _ => return Err(Refusal::SchemeNotTrusted),
        }
    }
    Ok(forwarded)
}

/// The forwarding fields of `head` that are not believed from `peer`, for the log: each name once,
/// as it is usually written. To be asked only where [`Trust::log_untrusted`] says so.
pub fn untrusted_fields(trust: &Trust, head: &RequestHead, peer: &Peer) -> Vec<&'static str> {
    let trusted = trust.peers.contain(peer.address.map(|address| address.ip()));
    NAMES
        .iter()
        .filter(|(name, _)| !(trusted && trust.believed.contains(name)))
        .filter(|(name, _)| head.field(name).is_some())
        .map(|&(_, written)| written)
        .collect()
}

/// What a trusted proxy says.
fn read(trust: &Trust, head: &RequestHead) -> Result<Forwarded, Refusal> {
    let mut said = Said::default();
    let mut fields = Vec::new();
    for &(name, written) in &NAMES {
        let Some(value) = joined(head, name) else { continue };
        if trust.believed.contains(name) {
            let passed_on = said.read(name, written, &value, trust.count.max(1))?;
            fields.push((name, text(passed_on)));
        } else if !trust.clear_untrusted {
            fields.push((name, text(&value)));
        }
    }
    if fields.is_empty() {
        return Ok(Forwarded::Cleared);
    }
    let mut told = tell(said, &trust.url_scheme);
    told.fields = fields;
    Ok(Forwarded::Trusted(Box::new(told)))
}

/// The value of a field, of all its lines together (RFC 9110 §5.3).
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

/// Puts together what was said about the client, the scheme, the host and the port.
fn tell(said: Said, url_scheme: &str) -> Told {
    let mut told = Told { scheme: said.scheme, ..Told::default() };
    let scheme = said.scheme.unwrap_or(url_scheme);
    // A scheme without a port has its usual one.
    let mut port = said.port.or_else(|| usual_port(said.scheme?).map(str::to_owned));
    if let Some(host) = said.host {
        // The port beside the host is what the client saw; it wins over other accounts.
        told.host = Some(match (&host.port, &port) {
            (Some(own), _) => format!("{}:{own}", host.name),
            (None, Some(port)) if usual_port(scheme) != Some(port) => {
                format!("{}:{port}", host.name)
            }
            (None, _) => host.name.clone(),
        });
        told.server_name = Some(host.name);
        port = host.port.or(port);
    }
    told.server_port = port;
    if let Some(client) = said.client {
        told.remote_addr = Some(client.name);
        told.remote_port = client.port;
    }
    told
}

fn usual_port(scheme: &str) -> Option<&'static str> {
    match scheme {
        "http" => Some("80"),
        "https" => Some("443"),
        _ => None,
    }
}

/// Latin-1, as everything in environ.
fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}
