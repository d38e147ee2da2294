//! How long everything may take.

use super::{Effect, Kind, Section, Setting, Zero};

const HERE: Setting = Setting::of(Section::Timeouts);

pub(crate) const CHANNEL_TIMEOUT: Setting = Setting {
    name: "channel-timeout",
    kind: Kind::Duration(Zero::Refused),
    default: Some("120s"),
    help: "How long a connection may be idle, whatever it waits for. It caps `keep-alive-timeout`, \
           `header-timeout`, `body-timeout` and `write-timeout`.",
    waitress: Some("channel_timeout"),
    ..HERE
};

pub(crate) const KEEP_ALIVE_TIMEOUT: Setting = Setting {
    name: "keep-alive-timeout",
    kind: Kind::Duration(Zero::Refused),
    default: Some("75s"),
    help: "How long a connection may be idle between two requests.",
    ..HERE
};

pub(crate) const HEADER_TIMEOUT: Setting = Setting {
    name: "header-timeout",
    kind: Kind::Duration(Zero::Refused),
    default: Some("30s"),
    help: "How long a request head may take from its first byte to its end.",
    ..HERE
};

pub(crate) const BODY_TIMEOUT: Setting = Setting {
    name: "body-timeout",
    kind: Kind::Duration(Zero::Refused),
    default: Some("60s"),
    help: "Longest wait for the next bytes of a request body.",
    ..HERE
};

pub(crate) const WRITE_TIMEOUT: Setting = Setting {
    name: "write-timeout",
    kind: Kind::Duration(Zero::Refused),
    default: Some("60s"),
    help: "Longest time without the client taking any byte of its response.",
    ..HERE
};

pub(crate) const QUEUE_TIMEOUT: Setting = Setting {
    name: "queue-timeout",
    kind: Kind::Duration(Zero::Refused),
    default: Some("30s"),
    help: "Longest wait of a request for a thread; after it, 503.",
    ..HERE
};

pub(crate) const REQUEST_TIMEOUT: Setting = Setting {
    name: "request-timeout",
    kind: Kind::Duration(Zero::Never),
    default: Some("0"),
    help: "How long the application may take before the client is answered 504 and the thread \
           counts as stuck; 0 is for ever.",
    ..HERE
};

pub(crate) const SLOW_REQUEST: Setting = Setting {
    name: "slow-request",
    kind: Kind::Duration(Zero::Never),
    default: Some("0"),
    help: "After this long the Python stack of a request that still runs is logged, once; 0 is \
           never.",
    ..HERE
};

pub(crate) const DRAIN_DELAY: Setting = Setting {
    name: "drain-delay",
    kind: Kind::Duration(Zero::Now),
    default: Some("0"),
    help: "How long connections are still accepted after SIGTERM, while `/readyz` already says no.",
    ..HERE
};

pub(crate) const GRACEFUL_TIMEOUT: Setting = Setting {
    name: "graceful-timeout",
    kind: Kind::Duration(Zero::Now),
    default: Some("30s"),
    help: "How long requests that run are waited for after that.",
    ..HERE
};

pub(crate) const CLEANUP_INTERVAL: Setting = Setting {
    name: "cleanup-interval",
    kind: Kind::Duration(Zero::Now),
    default: Some("30s"),
    help: "Accepted for Waitress; timeouts are looked at every second here.",
    waitress: Some("cleanup_interval"),
    effect: Effect::Ignored,
    ..HERE
};

pub(super) const ALL: &[&Setting] = &[
    &CHANNEL_TIMEOUT,
    &KEEP_ALIVE_TIMEOUT,
    &HEADER_TIMEOUT,
    &BODY_TIMEOUT,
    &WRITE_TIMEOUT,
    &QUEUE_TIMEOUT,
    &REQUEST_TIMEOUT,
    &SLOW_REQUEST,
    &DRAIN_DELAY,
    &GRACEFUL_TIMEOUT,
    &CLEANUP_INTERVAL,
];
