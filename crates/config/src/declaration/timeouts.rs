//! Declarations of timeouts.

use super::{Effect, Kind, Section, Setting, Zero};

const HERE: Setting = Setting::of(Section::Timeouts);

pub(crate) const CHANNEL_TIMEOUT: Setting = Setting {
    name: "channel-timeout",
    kind: Kind::Duration(Zero::Refused),
    default: Some("120s"),
    help: "Maximum idle time of a connection. It caps `keep-alive-timeout`, `header-timeout`, \
           `body-timeout` and `write-timeout`.",
    waitress: Some("channel_timeout"),
    ..HERE
};

pub(crate) const KEEP_ALIVE_TIMEOUT: Setting = Setting {
    name: "keep-alive-timeout",
    kind: Kind::Duration(Zero::Refused),
    default: Some("75s"),
    help: "Maximum idle time of a connection between two requests.",
    ..HERE
};

pub(crate) const HEADER_TIMEOUT: Setting = Setting {
    name: "header-timeout",
    kind: Kind::Duration(Zero::Refused),
    default: Some("30s"),
    help: "Maximum time from the first byte of a request head to its end.",
    ..HERE
};

pub(crate) const BODY_TIMEOUT: Setting = Setting {
    name: "body-timeout",
    kind: Kind::Duration(Zero::Refused),
    default: Some("60s"),
    help: "Maximum wait for request body bytes. A body may take longer in total if it arrives at \
           500 bytes per second or more.",
    ..HERE
};

pub(crate) const WRITE_TIMEOUT: Setting = Setting {
    name: "write-timeout",
    kind: Kind::Duration(Zero::Refused),
    default: Some("60s"),
    help: "Maximum wait for the client to read response bytes. A response may take longer in total \
           if it is read at 500 bytes per second or more.",
    ..HERE
};

pub(crate) const QUEUE_TIMEOUT: Setting = Setting {
    name: "queue-timeout",
    kind: Kind::Duration(Zero::Refused),
    default: Some("30s"),
    help: "Maximum time that a request waits for a thread; then it is answered 503.",
    ..HERE
};

pub(crate) const REQUEST_TIMEOUT: Setting = Setting {
    name: "request-timeout",
    kind: Kind::Duration(Zero::Never),
    default: Some("0"),
    help: "Maximum time of a request in the application; then it is answered 504, and its thread \
           counts as stuck. 0 disables this.",
    ..HERE
};

pub(crate) const SLOW_REQUEST: Setting = Setting {
    name: "slow-request",
    kind: Kind::Duration(Zero::Never),
    default: Some("0"),
    help: "Log the Python stack of a request, once, when it has been in the application for this \
           long. 0 disables this.",
    ..HERE
};

pub(crate) const DRAIN_DELAY: Setting = Setting {
    name: "drain-delay",
    kind: Kind::Duration(Zero::Now),
    default: Some("0"),
    help: "Time after SIGTERM during which connections are still accepted, while `/readyz` already \
           returns 503.",
    ..HERE
};

pub(crate) const GRACEFUL_TIMEOUT: Setting = Setting {
    name: "graceful-timeout",
    kind: Kind::Duration(Zero::Now),
    default: Some("30s"),
    help: "Maximum time after `drain-delay` for running requests to finish.",
    ..HERE
};

pub(crate) const CLEANUP_INTERVAL: Setting = Setting {
    name: "cleanup-interval",
    kind: Kind::Duration(Zero::Now),
    default: Some("30s"),
    help: "Accepted for compatibility with Waitress; timeouts are checked every second.",
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
