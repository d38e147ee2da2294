//! Declarations of the trusted proxies, and of the fields that are trusted from them.

use super::{Kind, Section, Setting};

const HERE: Setting = Setting::of(Section::Proxy);

pub(crate) const TRUSTED_PROXY: Setting = Setting {
    name: "trusted-proxy",
    kind: Kind::Proxies,
    help: "Peers whose forwarding fields are trusted: addresses, networks such as `10.0.0.0/8`, \
           `localhost` for the peers of Unix sockets, or `*` for every peer.",
    waitress: Some("trusted_proxy"),
    example: "[\"10.0.0.0/8\", \"::1\"]",
    ..HERE
};

pub(crate) const TRUSTED_PROXY_COUNT: Setting = Setting {
    name: "trusted-proxy-count",
    kind: Kind::Count { least: 1, most: 1000, of: "proxies" },
    default: Some("1"),
    help: "Number of proxies in a row in front of the server. Needs `trusted-proxy`.",
    waitress: Some("trusted_proxy_count"),
    ..HERE
};

pub(crate) const TRUSTED_PROXY_HEADERS: Setting = Setting {
    name: "trusted-proxy-headers",
    kind: Kind::ProxyHeaders,
    help: "Forwarding fields to trust: `x-forwarded-for`, `x-forwarded-host`, `x-forwarded-proto`, \
           `x-forwarded-port`, `x-forwarded-by`, or `forwarded` alone. Needs `trusted-proxy`.",
    waitress: Some("trusted_proxy_headers"),
    example: "[\"x-forwarded-for\", \"x-forwarded-proto\"]",
    ..HERE
};

pub(crate) const LOG_UNTRUSTED_PROXY_HEADERS: Setting = Setting {
    name: "log-untrusted-proxy-headers",
    kind: Kind::Flag,
    default: Some("false"),
    help: "Log forwarding fields that are not trusted.",
    waitress: Some("log_untrusted_proxy_headers"),
    ..HERE
};

pub(crate) const CLEAR_UNTRUSTED_PROXY_HEADERS: Setting = Setting {
    name: "clear-untrusted-proxy-headers",
    kind: Kind::Flag,
    default: Some("true"),
    help: "Remove forwarding fields that are not trusted before the application is called.",
    waitress: Some("clear_untrusted_proxy_headers"),
    ..HERE
};

pub(super) const ALL: &[&Setting] = &[
    &TRUSTED_PROXY,
    &TRUSTED_PROXY_COUNT,
    &TRUSTED_PROXY_HEADERS,
    &LOG_UNTRUSTED_PROXY_HEADERS,
    &CLEAR_UNTRUSTED_PROXY_HEADERS,
];
