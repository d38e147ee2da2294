//! What the settings say about connections: what a client may send, how long it may take, whom it may
//! speak for, and how much memory it may use.
//!
//! A connection keeps the policy with which it was accepted.

use std::sync::Arc;

use maitred_config::{ObservabilitySettings, ProxyHeader, RequestId, Settings, TrustedProxies};
use maitred_http_parser::Limits;
use maitred_http_parser::connection::{Rules, Timeouts};
use maitred_http_parser::forwarded::{Trust, TrustedFields, TrustedPeers};

/// The policy of a connection.
#[derive(Debug)]
pub(crate) struct Policy {
    /// What a client may send, and how long it may take.
    pub(crate) rules: Arc<Rules>,
    /// Which peers and forwarding fields are trusted.
    pub(crate) trust: Trust,
    /// Where request identifiers come from.
    pub(crate) request_id: RequestId,
    /// The maximum length of a request body in memory, inclusive; a longer one goes to a file.
    pub(crate) body_memory_max: usize,
    /// Bytes of a response that may be in memory; more go to a file.
    pub(crate) output_memory_max: u64,
    /// Bytes of a response that may wait for the client; above this, the application waits, too.
    pub(crate) output_high_watermark: u64,
    /// The response fields that the access log shows.
    pub(crate) logged_fields: Vec<String>,
}

impl Policy {
    /// The policy of the settings, which have capped the timeouts by `channel-timeout`.
    pub(crate) fn new(settings: &Settings) -> Self {
        let rules = Rules {
            limits: Arc::new(Limits {
                head_bytes: settings.limits.max_request_header_size,
                fields: settings.limits.max_request_header_fields,
                body_bytes: settings.limits.max_request_body_size,
                ..Limits::default()
            }),
            timeouts: Timeouts {
                keep_alive: settings.timeouts.keep_alive,
                head: settings.timeouts.header,
                body: settings.timeouts.body,
                write: settings.timeouts.write,
            },
            server: settings.application.ident.clone(),
        };
        Self {
            rules: Arc::new(rules),
            trust: trust(settings),
            request_id: settings.observability.request_id,
            body_memory_max: settings.limits.inbuf_overflow,
            output_memory_max: settings.limits.outbuf_overflow as u64,
            output_high_watermark: settings.limits.outbuf_high_watermark as u64,
            logged_fields: logged_fields(&settings.observability),
        }
    }
}

/// The response fields that the access log shows, if there is one.
fn logged_fields(observability: &ObservabilitySettings) -> Vec<String> {
    if observability.access_log.is_none() {
        return Vec::new();
    }
    observability.access_log_format.response_fields().map(str::to_owned).collect()
}

/// Which peers and forwarding fields are trusted.
pub fn trust(settings: &Settings) -> Trust {
    let believes = |header| settings.proxies.headers.contains(header);
    Trust {
        peers: match &settings.proxies.trusted {
            TrustedProxies::None => TrustedPeers::None,
            TrustedProxies::Any => TrustedPeers::Any,
            TrustedProxies::Listed { networks, unix } => {
                TrustedPeers::Listed { networks: networks.clone(), unix: *unix }
            }
        },
        count: settings.proxies.count,
        trusted_fields: TrustedFields {
            forwarded: believes(ProxyHeader::Forwarded),
            x_forwarded_for: believes(ProxyHeader::XForwardedFor),
            x_forwarded_host: believes(ProxyHeader::XForwardedHost),
            x_forwarded_proto: believes(ProxyHeader::XForwardedProto),
            x_forwarded_port: believes(ProxyHeader::XForwardedPort),
            x_forwarded_by: believes(ProxyHeader::XForwardedBy),
        },
        clear_untrusted: settings.proxies.clear_untrusted_headers,
        log_untrusted: settings.proxies.log_untrusted_headers,
        url_scheme: settings.application.url_scheme.as_str().into(),
    }
}
