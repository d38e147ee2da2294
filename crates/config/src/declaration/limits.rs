//! Declarations of limits.

use super::{Effect, Kind, Section, Setting};

const HERE: Setting = Setting::of(Section::Limits);

pub(crate) const THREADS: Setting = Setting {
    name: "threads",
    kind: Kind::Threads,
    default: Some("4"),
    help: "Threads that call the application; `auto` is four per available CPU, at least 4 and at \
           most 32.",
    waitress: Some("threads"),
    ..HERE
};

pub(crate) const WORKERS: Setting = Setting {
    name: "workers",
    kind: Kind::Count { least: 1, most: 1024, of: "processes" },
    default: Some("1"),
    help: "Worker processes. Only one is supported so far: a larger number is accepted with a \
           warning.",
    short: Some('w'),
    fallback_variable: Some("WEB_CONCURRENCY"),
    ..HERE
};

pub(crate) const CONNECTION_LIMIT: Setting = Setting {
    name: "connection-limit",
    kind: Kind::Count { least: 1, most: 1_000_000, of: "connections" },
    default: Some("100"),
    help: "Maximum number of open client connections.",
    waitress: Some("connection_limit"),
    ..HERE
};

pub(crate) const CONNECTION_LIMIT_ACTION: Setting = Setting {
    name: "connection-limit-action",
    kind: Kind::Choice(&["reject", "wait"]),
    default: Some("reject"),
    help: "At `connection-limit`, `reject` closes the longest-idle keep-alive connection, or \
           answers 503 if none is idle; `wait` stops accepting, like Waitress.",
    ..HERE
};

pub(crate) const QUEUE_LIMIT: Setting = Setting {
    name: "queue-limit",
    kind: Kind::Count { least: 1, most: 1_000_000, of: "requests" },
    default: Some("1024"),
    help: "Maximum number of requests that wait for a thread; further requests are answered 503.",
    ..HERE
};

pub(crate) const INBUF_OVERFLOW: Setting = Setting {
    name: "inbuf-overflow",
    kind: Kind::Size { least: 0 },
    default: Some("512KiB"),
    help: "Request body bytes kept in memory; a larger body goes to a temporary file.",
    waitress: Some("inbuf_overflow"),
    ..HERE
};

pub(crate) const OUTBUF_OVERFLOW: Setting = Setting {
    name: "outbuf-overflow",
    kind: Kind::Size { least: 0 },
    default: Some("1MiB"),
    help: "Response bytes kept in memory for each connection; more go to a temporary file.",
    waitress: Some("outbuf_overflow"),
    ..HERE
};

pub(crate) const OUTBUF_HIGH_WATERMARK: Setting = Setting {
    name: "outbuf-high-watermark",
    kind: Kind::Size { least: 1 },
    default: Some("16MiB"),
    help: "Response bytes that may wait for the client; above this, the application waits, too.",
    waitress: Some("outbuf_high_watermark"),
    ..HERE
};

pub(crate) const MAX_REQUEST_HEADER_SIZE: Setting = Setting {
    name: "max-request-header-size",
    kind: Kind::Size { least: 1 },
    default: Some("256KiB"),
    help: "Maximum size of a request head; a larger one is answered 431.",
    waitress: Some("max_request_header_size"),
    ..HERE
};

pub(crate) const MAX_REQUEST_BODY_SIZE: Setting = Setting {
    name: "max-request-body-size",
    kind: Kind::Size { least: 0 },
    default: Some("1GiB"),
    help: "Maximum size of a request body; a larger one is answered 413.",
    waitress: Some("max_request_body_size"),
    ..HERE
};

pub(crate) const CHANNEL_REQUEST_LOOKAHEAD: Setting = Setting {
    name: "channel-request-lookahead",
    kind: Kind::Count { least: 0, most: 1000, of: "requests" },
    default: Some("0"),
    help: "Accepted for compatibility with Waitress; up to 64 KiB of pipelined requests are \
           buffered, and disconnects are always detected.",
    waitress: Some("channel_request_lookahead"),
    effect: Effect::Ignored,
    ..HERE
};

pub(super) const ALL: &[&Setting] = &[
    &THREADS,
    &WORKERS,
    &CONNECTION_LIMIT,
    &CONNECTION_LIMIT_ACTION,
    &QUEUE_LIMIT,
    &INBUF_OVERFLOW,
    &OUTBUF_OVERFLOW,
    &OUTBUF_HIGH_WATERMARK,
    &MAX_REQUEST_HEADER_SIZE,
    &MAX_REQUEST_BODY_SIZE,
    &CHANNEL_REQUEST_LOOKAHEAD,
];
