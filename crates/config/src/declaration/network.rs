//! Declarations of the settings that say where the server listens.

use super::{Effect, Kind, Reach, Setting};
use crate::kinds::{Count, Size};

settings! {
    section Network;

    HOST {
        name: "host",
        kind: Kind::Host,
        default: Some("0.0.0.0"),
        help: "Host name or address to listen on; `*` is every IPv4 and IPv6 address, `::` only \
               IPv6. Cannot be combined with `listen` or `unix-socket`.",
        waitress: Some("host"),
    }

    PORT {
        name: "port",
        kind: Kind::Count(Count::from_to(0, 65535, "")),
        default: Some("8080"),
        help: "TCP port to listen on; 0 picks a free one. Cannot be combined with `listen` or \
               `unix-socket`.",
        waitress: Some("port"),
        fallback_variable: Some("PORT"),
    }

    LISTEN {
        name: "listen",
        kind: Kind::Endpoints,
        help: "Address to listen on: `host:port`, `*:port`, `[::1]:port`, `unix:/path` or \
               `fd://3`. `*` is IPv4 and IPv6, `[::]` only IPv6. May be given several times. Cannot \
               be combined with `host`, `port` or `unix-socket`.",
        waitress: Some("listen"),
        short: Some('b'),
        alias: Some("bind"),
        example: "[\"127.0.0.1:8080\", \"unix:/run/maitred/web.sock\"]",
    }

    IPV4 {
        name: "ipv4",
        kind: Kind::Flag,
        default: Some("true"),
        help: "Listen on the IPv4 addresses of a host name or of `*`.",
        waitress: Some("ipv4"),
    }

    IPV6 {
        name: "ipv6",
        kind: Kind::Flag,
        default: Some("true"),
        help: "Listen on the IPv6 addresses of a host name or of `*`.",
        waitress: Some("ipv6"),
    }

    UNIX_SOCKET {
        name: "unix-socket",
        kind: Kind::SocketPath,
        help: "Path of a Unix socket to listen on. A stale socket is replaced, and the file is \
               removed at exit. Cannot be combined with `host`, `port` or `listen`.",
        waitress: Some("unix_socket"),
        example: "\"/run/maitred/web.sock\"",
    }

    UNIX_SOCKET_PERMS {
        name: "unix-socket-perms",
        kind: Kind::Mode,
        default: Some("600"),
        help: "Permissions of Unix sockets, in octal digits, set before clients can connect.",
        waitress: Some("unix_socket_perms"),
    }

    SOCKETS {
        name: "sockets",
        kind: Kind::Descriptors,
        help: "Bound sockets to use: a list of `socket.socket`. Only a keyword of `serve()`; \
               elsewhere, use `fd://3` in `listen`.",
        waitress: Some("sockets"),
        reach: Reach::Keywords,
    }

    BACKLOG {
        name: "backlog",
        kind: Kind::Count(Count::at_least(1, 2_147_483_647, "connections")),
        default: Some("1024"),
        help: "Maximum length of the kernel's queue of connections that are not yet accepted.",
        waitress: Some("backlog"),
    }

    ADMIN_LISTEN {
        name: "admin-listen",
        kind: Kind::Endpoint,
        help: "Address for probes, metrics and status: a live page at `/`, and `/livez`, `/readyz`, \
               `/startupz`, `/metrics`, `/statusz`. If unset, they are not served. A loopback address \
               answers only to a Host that is an address, `localhost`, or the name in this setting.",
        example: "\"127.0.0.1:9090\"",
    }

    RECV_BYTES {
        name: "recv-bytes",
        kind: Kind::Size(Size { least: 1 }),
        default: Some("8192"),
        help: "Accepted for compatibility with Waitress; the read size is not configurable.",
        waitress: Some("recv_bytes"),
        effect: Effect::Ignored,
    }

    SEND_BYTES {
        name: "send-bytes",
        kind: Kind::Size(Size { least: 1 }),
        default: Some("1"),
        help: "Accepted for compatibility with Waitress; the write size is not configurable.",
        waitress: Some("send_bytes"),
        effect: Effect::Ignored,
    }

    ASYNCORE_LOOP_TIMEOUT {
        name: "asyncore-loop-timeout",
        kind: Kind::Count(Count::at_least(0, 86_400, "seconds")),
        default: Some("1"),
        help: "Accepted for compatibility with Waitress; asyncore is not used.",
        waitress: Some("asyncore_loop_timeout"),
        effect: Effect::Ignored,
    }

    ASYNCORE_USE_POLL {
        name: "asyncore-use-poll",
        kind: Kind::Flag,
        default: Some("false"),
        help: "Accepted for compatibility with Waitress; asyncore is not used.",
        waitress: Some("asyncore_use_poll"),
        effect: Effect::Ignored,
    }
}
