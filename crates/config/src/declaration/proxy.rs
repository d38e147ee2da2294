//! Which proxies stand in front, and what they are believed.

use super::{Kind, Section, Setting};

const HERE: Setting = Setting::of(Section::Proxy);

pub(crate) const TRUSTED_PROXY: Setting = Setting {
    name: "trusted-proxy",
    kind: Kind::Proxies,
    help: "Peers whose forwarded header fields are believed: addresses, networks as `10.0.0.0/8`, \
           `localhost` for Unix sockets, or `*` for everybody.",
    waitress: Some("trusted_proxy"),
    example: "[\"10.0.0.0/8\", \"::1\"]",
    ..HERE
};

pub(crate) const TRUSTED_PROXY_COUNT: Setting = Setting {
    name: "trusted-proxy-count",
    kind: Kind::Count { least: 1, most: 1000, of: "proxies" },
    default: Some("1"),
    help: "How many proxies stand in a row before the server. Needs `trusted-proxy`.",
    waitress: Some("trusted_proxy_count"),
    ..HERE
};

pub(crate) const TRUSTED_PROXY_HEADERS: Setting = Setting {
    name: "trusted-proxy-headers",
    kind: Kind::ProxyHeaders,
    help: "Which header fields are believed: `x-forwarded-for`, `x-forwarded-host`, \
           `x-forwarded-proto`, `x-forwarded-port`, `x-forwarded-by`, or `forwarded` alone. Needs \
           `trusted-proxy`.",
    waitress: Some("trusted_proxy_headers"),
    example: "[\"x-forwarded-for\", \"x-forwarded-proto\"]",
    ..HERE
};

pub(crate) const LOG_UNTRUSTED_PROXY_HEADERS: Setting = Setting {
    name: "log-untrusted-proxy-headers",
    kind: Kind::Flag,
    default: Some("false"),
    help: "Log forwarded header fields that are not believed.",
    waitress: Some("log_untrusted_proxy_headers"),
    ..HERE
};

pub(crate) const CLEAR_UNTRUSTED_PROXY_HEADERS: Setting = Setting {
    name: "clear-untrusted-proxy-headers",
    kind: Kind::Flag,
    default: Some("true"),
    help: "Keep forwarded header fields that are not believed from the application.",
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
