//! Declarations of the trusted proxies, and of the fields that are trusted from them.

use super::{Kind, Setting};
use crate::kinds::Count;

settings! {
    section Proxy;

    TRUSTED_PROXY {
        name: "trusted-proxy",
        kind: Kind::Proxies,
        help: "Peers whose forwarding fields are trusted: addresses, networks such as \
               `10.0.0.0/8`, `localhost` for the peers of Unix sockets, or `*` for every peer.",
        waitress: Some("trusted_proxy"),
        example: "[\"10.0.0.0/8\", \"::1\"]",
    }

    TRUSTED_PROXY_COUNT {
        name: "trusted-proxy-count",
        kind: Kind::Count(Count::from_to(1, 1000, "proxies")),
        default: Some("1"),
        help: "Number of proxies in a row in front of the server. Needs `trusted-proxy`.",
        waitress: Some("trusted_proxy_count"),
    }

    TRUSTED_PROXY_HEADERS {
        name: "trusted-proxy-headers",
        kind: Kind::ProxyHeaders,
        help: "Forwarding fields to trust: `x-forwarded-for`, `x-forwarded-host`, \
               `x-forwarded-proto`, `x-forwarded-port`, `x-forwarded-by`, or `forwarded` alone. \
               Needs `trusted-proxy`.",
        waitress: Some("trusted_proxy_headers"),
        example: "[\"x-forwarded-for\", \"x-forwarded-proto\"]",
    }

    LOG_UNTRUSTED_PROXY_HEADERS {
        name: "log-untrusted-proxy-headers",
        kind: Kind::Flag,
        default: Some("false"),
        help: "Log forwarding fields that are not trusted.",
        waitress: Some("log_untrusted_proxy_headers"),
    }

    CLEAR_UNTRUSTED_PROXY_HEADERS {
        name: "clear-untrusted-proxy-headers",
        kind: Kind::Flag,
        default: Some("true"),
        help: "Remove forwarding fields that are not trusted before the application is called.",
        waitress: Some("clear_untrusted_proxy_headers"),
    }
}
