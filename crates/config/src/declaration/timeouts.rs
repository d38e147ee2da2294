//! Declarations of timeouts.

use super::{Effect, Kind, Setting};
use crate::kinds::{Period, Zero};

settings! {
    section Timeouts;

    CHANNEL_TIMEOUT {
        name: "channel-timeout",
        kind: Kind::Duration(Period { zero: Zero::Refused }),
        default: Some("120s"),
        help: "Maximum idle time of a connection. `keep-alive-timeout`, `header-timeout`, \
               `body-timeout` and `write-timeout` follow it where they are not set: none of them is \
               longer, and above its default all but `header-timeout` are as long.",
        waitress: Some("channel_timeout"),
    }

    KEEP_ALIVE_TIMEOUT {
        name: "keep-alive-timeout",
        kind: Kind::Duration(Period { zero: Zero::Refused }),
        default: Some("120s"),
        help: "Maximum idle time of a connection between two requests. Not set, it is \
               `channel-timeout`.",
    }

    HEADER_TIMEOUT {
        name: "header-timeout",
        kind: Kind::Duration(Period { zero: Zero::Refused }),
        default: Some("30s"),
        help: "Maximum time from the first byte of a request head to its end.",
    }

    BODY_TIMEOUT {
        name: "body-timeout",
        kind: Kind::Duration(Period { zero: Zero::Refused }),
        default: Some("60s"),
        help: "Maximum wait for request body bytes. A body may take longer in total if it arrives \
               at 500 bytes per second or more.",
    }

    WRITE_TIMEOUT {
        name: "write-timeout",
        kind: Kind::Duration(Period { zero: Zero::Refused }),
        default: Some("60s"),
        help: "Maximum wait for the client to read response bytes. A response may take longer in \
               total if it is read at 500 bytes per second or more.",
    }

    QUEUE_TIMEOUT {
        name: "queue-timeout",
        kind: Kind::Duration(Period { zero: Zero::Refused }),
        default: Some("30s"),
        help: "Maximum time that a request waits for a thread; then it is answered 503.",
    }

    REQUEST_TIMEOUT {
        name: "request-timeout",
        kind: Kind::Duration(Period { zero: Zero::Never }),
        default: Some("0"),
        help: "Maximum time of a request in the application; then it is answered 504, and its \
               thread counts as stuck. Time in which the whole process stands still does not \
               count. 0 disables this.",
    }

    SLOW_REQUEST {
        name: "slow-request",
        kind: Kind::Duration(Period { zero: Zero::Never }),
        default: Some("0"),
        help: "Log the Python stack of a request, once, when it has been in the application for \
               this long. 0 disables this.",
    }

    DRAIN_DELAY {
        name: "drain-delay",
        kind: Kind::Duration(Period { zero: Zero::Now }),
        default: Some("0"),
        help: "Time after SIGTERM during which connections are still accepted, while `/readyz` \
               already returns 503.",
    }

    GRACEFUL_TIMEOUT {
        name: "graceful-timeout",
        kind: Kind::Duration(Period { zero: Zero::Now }),
        default: Some("30s"),
        help: "Maximum time after `drain-delay` for running requests to finish.",
    }

    CLEANUP_INTERVAL {
        name: "cleanup-interval",
        kind: Kind::Duration(Period { zero: Zero::Now }),
        default: Some("30s"),
        help: "Accepted for compatibility with Waitress; timeouts are checked every second.",
        waitress: Some("cleanup_interval"),
        effect: Effect::Ignored,
    }
}
