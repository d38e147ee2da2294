//! Declarations of the settings that say where the server listens.

use super::{Effect, Kind, Reach, Section, Setting};

const HERE: Setting = Setting::of(Section::Network);

pub(crate) const HOST: Setting = Setting {
    name: "host",
    kind: Kind::Host,
    default: Some("0.0.0.0"),
    help: "Host name or address to listen on; `*` is every IPv4 and IPv6 address. Cannot be \
           combined with `listen` or `unix-socket`.",
    waitress: Some("host"),
    ..HERE
};

pub(crate) const PORT: Setting = Setting {
    name: "port",
    kind: Kind::Count { least: 0, most: 65535, of: "" },
    default: Some("8080"),
    help: "TCP port to listen on; 0 picks a free one. Cannot be combined with `listen` or \
           `unix-socket`.",
    waitress: Some("port"),
    fallback_variable: Some("PORT"),
    ..HERE
};

pub(crate) const LISTEN: Setting = Setting {
    name: "listen",
    kind: Kind::Endpoints,
    help: "Address to listen on: `host:port`, `*:port`, `[::1]:port`, `unix:/path` or `fd://3`. \
           May be given several times. Cannot be combined with `host`, `port` or `unix-socket`.",
    waitress: Some("listen"),
    short: Some('b'),
    alias: Some("bind"),
    example: "[\"127.0.0.1:8080\", \"unix:/run/maitred/web.sock\"]",
    ..HERE
};

pub(crate) const IPV4: Setting = Setting {
    name: "ipv4",
    kind: Kind::Flag,
    default: Some("true"),
    help: "Listen on the IPv4 addresses of a host name or of `*`.",
    waitress: Some("ipv4"),
    ..HERE
};

pub(crate) const IPV6: Setting = Setting {
    name: "ipv6",
    kind: Kind::Flag,
    default: Some("true"),
    help: "Listen on the IPv6 addresses of a host name or of `*`.",
    waitress: Some("ipv6"),
    ..HERE
};

pub(crate) const UNIX_SOCKET: Setting = Setting {
    name: "unix-socket",
    kind: Kind::SocketPath,
    help: "Path of a Unix socket to listen on. A stale socket is replaced, and the file is removed \
           at exit. Cannot be combined with `host`, `port` or `listen`.",
    waitress: Some("unix_socket"),
    example: "\"/run/maitred/web.sock\"",
    ..HERE
};

pub(crate) const UNIX_SOCKET_PERMS: Setting = Setting {
    name: "unix-socket-perms",
    kind: Kind::Mode,
    default: Some("600"),
    help: "Permissions of Unix sockets, in octal digits, set before clients can connect.",
    waitress: Some("unix_socket_perms"),
    ..HERE
};

pub(crate) const SOCKETS: Setting = Setting {
    name: "sockets",
    kind: Kind::Descriptors,
    help: "Bound sockets to use: a list of `socket.socket`. Only a keyword of `serve()`; \
           elsewhere, use `fd://3` in `listen`.",
    waitress: Some("sockets"),
    reach: Reach::Keywords,
    ..HERE
};

pub(crate) const BACKLOG: Setting = Setting {
    name: "backlog",
    kind: Kind::Count { least: 1, most: 2_147_483_647, of: "connections" },
    default: Some("1024"),
    help: "Maximum length of the kernel's queue of connections that are not yet accepted.",
    waitress: Some("backlog"),
    ..HERE
};

pub(crate) const ADMIN_LISTEN: Setting = Setting {
    name: "admin-listen",
    kind: Kind::Endpoint,
    help: "Address for probes, metrics and status: `/livez`, `/readyz`, `/startupz`, `/metrics`, \
           `/statusz`. If unset, they are not served.",
    example: "\"127.0.0.1:9090\"",
    ..HERE
};

pub(crate) const RECV_BYTES: Setting = Setting {
    name: "recv-bytes",
    kind: Kind::Size { least: 1 },
    default: Some("8192"),
    help: "Accepted for compatibility with Waitress; the read size is not configurable.",
    waitress: Some("recv_bytes"),
    effect: Effect::Ignored,
    ..HERE
};

pub(crate) const SEND_BYTES: Setting = Setting {
    name: "send-bytes",
    kind: Kind::Size { least: 1 },
    default: Some("1"),
    help: "Accepted for compatibility with Waitress; the write size is not configurable.",
    waitress: Some("send_bytes"),
    effect: Effect::Ignored,
    ..HERE
};

pub(crate) const ASYNCORE_LOOP_TIMEOUT: Setting = Setting {
    name: "asyncore-loop-timeout",
    kind: Kind::Count { least: 0, most: 86_400, of: "seconds" },
    default: Some("1"),
    help: "Accepted for compatibility with Waitress; asyncore is not used.",
    waitress: Some("asyncore_loop_timeout"),
    effect: Effect::Ignored,
    ..HERE
};

pub(crate) const ASYNCORE_USE_POLL: Setting = Setting {
    name: "asyncore-use-poll",
    kind: Kind::Flag,
    default: Some("false"),
    help: "Accepted for compatibility with Waitress; asyncore is not used.",
    waitress: Some("asyncore_use_poll"),
    effect: Effect::Ignored,
    ..HERE
};

pub(super) const ALL: &[&Setting] = &[
    &HOST,
    &PORT,
    &LISTEN,
    &IPV4,
    &IPV6,
    &UNIX_SOCKET,
    &UNIX_SOCKET_PERMS,
    &SOCKETS,
    &BACKLOG,
    &ADMIN_LISTEN,
    &RECV_BYTES,
    &SEND_BYTES,
    &ASYNCORE_LOOP_TIMEOUT,
    &ASYNCORE_USE_POLL,
];
