//! How much of everything there may be.

use super::{Effect, Kind, Section, Setting};

const HERE: Setting = Setting::of(Section::Limits);

pub(crate) const THREADS: Setting = Setting {
    name: "threads",
    kind: Kind::Threads,
    default: Some("4"),
    help: "Threads in each worker process that call the application; `auto` is four for each CPU, \
           at least 4 and at most 32.",
    waitress: Some("threads"),
    ..HERE
};

pub(crate) const WORKERS: Setting = Setting {
    name: "workers",
    kind: Kind::Count { least: 1, most: 1024, of: "processes" },
    default: Some("1"),
    help: "Worker processes. Several of them are a later step: one is started whatever this says.",
    short: Some('w'),
    fallback_variable: Some("WEB_CONCURRENCY"),
    ..HERE
};

pub(crate) const CONNECTION_LIMIT: Setting = Setting {
    name: "connection-limit",
    kind: Kind::Count { least: 1, most: 1_000_000, of: "connections" },
    default: Some("100"),
    help: "Client connections open at once.",
    waitress: Some("connection_limit"),
    ..HERE
};

pub(crate) const CONNECTION_LIMIT_ACTION: Setting = Setting {
    name: "connection-limit-action",
    kind: Kind::Choice(&["reject", "wait"]),
    default: Some("reject"),
    help: "Beyond the limit, `reject` closes the idlest keep-alive connection to make room, else \
           answers 503; `wait` stops accepting, as Waitress does.",
    ..HERE
};

pub(crate) const QUEUE_LIMIT: Setting = Setting {
    name: "queue-limit",
    kind: Kind::Count { least: 1, most: 1_000_000, of: "requests" },
    default: Some("1024"),
    help: "Requests that may wait for a thread; one more is answered 503.",
    ..HERE
};

pub(crate) const INBUF_OVERFLOW: Setting = Setting {
    name: "inbuf-overflow",
    kind: Kind::Size { least: 0 },
    default: Some("512KiB"),
    help: "How much of a request body is kept in memory; a longer one goes to a file.",
    waitress: Some("inbuf_overflow"),
    ..HERE
};

pub(crate) const OUTBUF_OVERFLOW: Setting = Setting {
    name: "outbuf-overflow",
    kind: Kind::Size { least: 0 },
    default: Some("1MiB"),
    help: "How much of a response is kept in memory for one connection; more goes to a file.",
    waitress: Some("outbuf_overflow"),
    ..HERE
};

pub(crate) const OUTBUF_HIGH_WATERMARK: Setting = Setting {
    name: "outbuf-high-watermark",
    kind: Kind::Size { least: 1 },
    default: Some("16MiB"),
    help: "How much of a response may wait for its client before the application waits too.",
    waitress: Some("outbuf_high_watermark"),
    ..HERE
};

pub(crate) const MAX_REQUEST_HEADER_SIZE: Setting = Setting {
    name: "max-request-header-size",
    kind: Kind::Size { least: 1 },
    default: Some("256KiB"),
    help: "Longest request head that is accepted; a longer one is answered 431.",
    waitress: Some("max_request_header_size"),
    ..HERE
};

pub(crate) const MAX_REQUEST_BODY_SIZE: Setting = Setting {
    name: "max-request-body-size",
    kind: Kind::Size { least: 0 },
    default: Some("1GiB"),
    help: "Longest request body that is accepted; a longer one is answered 413.",
    waitress: Some("max_request_body_size"),
    ..HERE
};

pub(crate) const CHANNEL_REQUEST_LOOKAHEAD: Setting = Setting {
    name: "channel-request-lookahead",
    kind: Kind::Count { least: 0, most: 1000, of: "requests" },
    default: Some("0"),
    help: "Accepted for Waitress; requests that come ahead wait unread here, and a client that has \
           gone is noticed in any case.",
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
