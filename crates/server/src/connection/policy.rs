//! Translates the settings into the protocol's terms: what a client may send, how long it may take,
//! and which proxies are trusted.

use std::sync::Arc;
use std::time::Duration;

use maitred_config::{ProxyHeader, Settings, TrustedProxies};
use maitred_http_parser::Limits;
use maitred_http_parser::connection::{Rules, Timeouts};
use maitred_http_parser::forwarded::{Trust, TrustedFields, TrustedPeers};

/// The rules of every connection. `channel-timeout` caps each of the finer timeouts.
pub(crate) fn protocol(settings: &Settings) -> Rules {
    let cap = |timeout: Duration| timeout.min(settings.channel_timeout);
    Rules {
        limits: Arc::new(Limits {
            head_bytes: settings.max_request_header_size,
            body_bytes: settings.max_request_body_size,
            ..Limits::default()
        }),
        timeouts: Timeouts {
            keep_alive: cap(settings.keep_alive_timeout),
            head: cap(settings.header_timeout),
            body: cap(settings.body_timeout),
            write: cap(settings.write_timeout),
        },
        server: settings.ident.clone(),
    }
}

/// Which peers and forwarding fields are trusted.
pub fn trust(settings: &Settings) -> Trust {
    let believes = |header| settings.trusted_proxy_headers.contains(header);
    Trust {
        peers: match &settings.trusted_proxy {
            TrustedProxies::None => TrustedPeers::None,
            TrustedProxies::Any => TrustedPeers::Any,
            TrustedProxies::Listed { networks, unix } => {
                TrustedPeers::Listed { networks: networks.clone(), unix: *unix }
            }
        },
        count: settings.trusted_proxy_count,
        trusted_fields: TrustedFields {
            forwarded: believes(ProxyHeader::Forwarded),
            x_forwarded_for: believes(ProxyHeader::XForwardedFor),
            x_forwarded_host: believes(ProxyHeader::XForwardedHost),
            x_forwarded_proto: believes(ProxyHeader::XForwardedProto),
            x_forwarded_port: believes(ProxyHeader::XForwardedPort),
            x_forwarded_by: believes(ProxyHeader::XForwardedBy),
        },
        clear_untrusted: settings.clear_untrusted_proxy_headers,
        log_untrusted: settings.log_untrusted_proxy_headers,
        url_scheme: settings.url_scheme.as_str().into(),
    }
}
