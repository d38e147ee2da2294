//! Declarations of limits.

use super::{Effect, Kind, Setting};
use crate::kinds::{Count, CountOrAuto, Size, Words};
use crate::values::ConnectionLimitAction;

/// The maximum number of threads: each has a stack, and they share one GIL.
const MOST_THREADS: i64 = 4096;

settings! {
    section Limits;

    THREADS {
        name: "threads",
        kind: Kind::CountOrAuto(CountOrAuto(Count::at_least(1, MOST_THREADS, "threads"))),
        default: Some("4"),
        help: "Threads that call the application; `auto` is four per available CPU, at least 4 and \
               at most 32.",
        waitress: Some("threads"),
    }

    CONNECTION_LIMIT {
        name: "connection-limit",
        kind: Kind::Count(Count::at_least(1, 1_000_000, "connections")),
        default: Some("100"),
        help: "Maximum number of open client connections.",
        waitress: Some("connection_limit"),
    }

    CONNECTION_LIMIT_ACTION {
        name: "connection-limit-action",
        kind: Kind::Choice(Words::of::<ConnectionLimitAction>()),
        default: Some("reject"),
        help: "At `connection-limit`, `reject` closes the longest-idle keep-alive connection, or \
               answers 503 if none is idle; `wait` stops accepting, like Waitress.",
    }

    QUEUE_LIMIT {
        name: "queue-limit",
        kind: Kind::Count(Count::at_least(1, 1_000_000, "requests")),
        default: Some("1024"),
        help: "Maximum number of requests that wait for a thread; further requests are answered \
               503.",
    }

    INBUF_OVERFLOW {
        name: "inbuf-overflow",
        kind: Kind::Size(Size { least: 0 }),
        default: Some("512KiB"),
        help: "Request body bytes kept in memory; a larger body goes to a temporary file.",
        waitress: Some("inbuf_overflow"),
    }

    OUTBUF_OVERFLOW {
        name: "outbuf-overflow",
        kind: Kind::Size(Size { least: 0 }),
        default: Some("1MiB"),
        help: "Response bytes kept in memory for each connection; if more wait for the client, they go \
               to a temporary file.",
        waitress: Some("outbuf_overflow"),
    }

    OUTBUF_HIGH_WATERMARK {
        name: "outbuf-high-watermark",
        kind: Kind::Size(Size { least: 1 }),
        default: Some("16MiB"),
        help: "Response bytes that may wait for the client; above this, the application waits, \
               too, unless requests wait for its thread.",
        waitress: Some("outbuf_high_watermark"),
    }

    CLIENT_MEMORY_LIMIT {
        name: "client-memory-limit",
        kind: Kind::Size(Size { least: 0 }),
        default: Some("128MiB"),
        help: "Memory for heads, bodies and responses of all clients of a process together; above \
               this, bodies and responses go to temporary files, and large heads are answered 503.",
    }

    SPOOL_LIMIT {
        name: "spool-limit",
        kind: Kind::Size(Size { least: 0 }),
        default: Some("64GiB"),
        help: "Maximum size of all temporary files of a process. Above this, a request body is \
               answered 503, and the thread of a response waits for its client, for \
               `write-timeout` at most.",
    }

    MAX_REQUEST_HEADER_SIZE {
        name: "max-request-header-size",
        kind: Kind::Size(Size { least: 1 }),
        default: Some("256KiB"),
        help: "Maximum size of a request head; a larger one is answered 431.",
        waitress: Some("max_request_header_size"),
    }

    MAX_REQUEST_HEADER_FIELDS {
        name: "max-request-header-fields",
        kind: Kind::Count(Count::at_least(1, 10_000, "header lines")),
        default: Some("100"),
        help: "Maximum number of header lines of a request; more are answered 431.",
    }

    MAX_REQUEST_BODY_SIZE {
        name: "max-request-body-size",
        kind: Kind::Size(Size { least: 0 }),
        default: Some("1GiB"),
        help: "Maximum size of a request body; a larger one is answered 413.",
        waitress: Some("max_request_body_size"),
    }

    CHANNEL_REQUEST_LOOKAHEAD {
        name: "channel-request-lookahead",
        kind: Kind::Count(Count::from_to(0, 1000, "requests")),
        default: Some("0"),
        help: "Accepted for compatibility with Waitress; up to 64 KiB of pipelined requests are \
               buffered, and disconnects are always detected.",
        waitress: Some("channel_request_lookahead"),
        effect: Effect::Ignored,
    }
}
