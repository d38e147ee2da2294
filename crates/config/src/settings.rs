//! Every setting, read, checked and normalised: what the rest of the server starts with.
//!
//! A field has the name of its setting with underscores. What several settings say together stands
//! in one field: `host`, `port`, `listen`, `unix-socket`, `unix-socket-perms` and `sockets` are
//! [`Settings::listen`]. What changes nothing here (`recv-bytes`, `send-bytes`, `cleanup-interval`,
//! `asyncore-loop-timeout`, `asyncore-use-poll`, `channel-request-lookahead`) is accepted, checked and
//! shown, and has no field.

use std::path::PathBuf;
use std::time::Duration;

use crate::values::{
    AccessLogFormat, AccessLogTarget, ConnectionLimitAction, Endpoint, LogFormat, LogLevel,
    ProxyHeaders, RequestId, TrustedProxies,
};

/// Complete settings: nothing is unset, and every combination has been found to make sense.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where to listen, in the order given, without duplicates. Never empty.
    pub listen: Vec<Endpoint>,
    /// Whether names and `*` may resolve to IPv4 addresses. At least one family is allowed.
    pub ipv4: bool,
    /// Whether names and `*` may resolve to IPv6 addresses. At least one family is allowed.
    pub ipv6: bool,
    /// Length of the kernel's queue of connections not yet accepted, for each listening socket.
    pub backlog: u32,
    /// Where probes, metrics and status are answered; `None` opens nothing.
    pub admin_listen: Option<Endpoint>,

    /// Threads in each worker process that call the application. At least 1.
    pub threads: usize,
    /// Worker processes. At least 1; several of them are a later step, and one is started.
    pub workers: usize,
    /// Client connections open at once. At least 1.
    pub connection_limit: usize,
    /// What happens to a connection beyond the limit.
    pub connection_limit_action: ConnectionLimitAction,
    /// Requests that may wait for a thread. At least 1.
    pub queue_limit: usize,
    /// Bytes of a request body kept in memory; what is longer goes to a file in `temp_dir`.
    pub inbuf_overflow: usize,
    /// Bytes of a response kept in memory for one connection; what is more goes to a file.
    pub outbuf_overflow: usize,
    /// Bytes of a response waiting for the client above which the application waits too.
    pub outbuf_high_watermark: usize,
    /// Bytes of a request head, from its first byte to the empty line; one of this size is allowed.
    pub max_request_header_size: usize,
    /// Bytes of a request body; one of this size is allowed.
    pub max_request_body_size: u64,

    /// Idle time of a connection, whatever it waits for; caps the four timeouts below.
    pub channel_timeout: Duration,
    /// Time between two requests on a connection.
    pub keep_alive_timeout: Duration,
    /// Time from the first byte of a request head to its end.
    pub header_timeout: Duration,
    /// Longest wait for the next bytes of a request body.
    pub body_timeout: Duration,
    /// Longest time without the client taking any byte of a response.
    pub write_timeout: Duration,
    /// Longest wait of a request for a thread.
    pub queue_timeout: Duration,
    /// When a request that still runs is answered 504; `None` is never.
    pub request_timeout: Option<Duration>,
    /// When the Python stack of a request that still runs is logged; `None` is never.
    pub slow_request: Option<Duration>,
    /// How long connections are still accepted after SIGTERM, while readiness already says no.
    pub drain_delay: Duration,
    /// How long running requests are waited for after that.
    pub graceful_timeout: Duration,

    /// Peers whose forwarded header fields are believed.
    pub trusted_proxy: TrustedProxies,
    /// How many proxies stand in a row before the server. At least 1.
    pub trusted_proxy_count: usize,
    /// Which forwarded header fields are believed: `Forwarded`, or any of the others.
    pub trusted_proxy_headers: ProxyHeaders,
    /// Whether forwarded header fields that are not believed are logged.
    pub log_untrusted_proxy_headers: bool,
    /// Whether forwarded header fields that are not believed are kept from the application.
    pub clear_untrusted_proxy_headers: bool,

    /// Where the access log goes; `None` writes none.
    pub access_log: Option<AccessLogTarget>,
    /// What a line of the access log says.
    pub access_log_format: AccessLogFormat,
    /// Paths left out of the access log when the status is below 400.
    pub access_log_exclude: Vec<String>,
    /// The least severe record that is still logged.
    pub log_level: LogLevel,
    /// How a record of the log is written.
    pub log_format: LogFormat,
    /// Whether a connection that breaks is logged.
    pub log_socket_errors: bool,
    /// Whether an error response shows the application's traceback.
    pub expose_tracebacks: bool,
    /// Where request identifiers come from.
    pub request_id: RequestId,

    /// What to load, `module:attribute` or `module:factory()`.
    pub app: Option<String>,
    /// Whether `app` names a factory, which is called without arguments.
    pub call: bool,
    /// Folder to change to before the application is imported.
    pub chdir: Option<PathBuf>,
    /// Folders to put in front of `sys.path`.
    pub python_path: Vec<PathBuf>,
    /// `wsgi.url_scheme` when no trusted proxy says otherwise.
    pub url_scheme: String,
    /// `SCRIPT_NAME`: empty, or with one leading slash and none at its end.
    pub url_prefix: String,
    /// `SERVER_NAME`.
    pub server_name: String,
    /// The `Server` field and `SERVER_SOFTWARE`; `None` sends no `Server` field.
    pub ident: Option<String>,
    /// Folder for bodies that overflow memory; `None` is the system's.
    pub temp_dir: Option<PathBuf>,

    /// Whether an unknown `MAITRED_*` variable is an error.
    pub strict_env: bool,
}
