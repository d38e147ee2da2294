//! The settings, parsed, validated and normalised, as the server uses them.
//!
//! The fields are grouped by section, and a field has the name of its setting without what the group
//! says: `keep-alive-timeout` is `settings.timeouts.keep_alive`. `host`, `port`, `listen`, `unix-socket`,
//! `unix-socket-perms` and `sockets` are combined in [`NetworkSettings::listen`], and `channel-timeout` has
//! capped the four timeouts of a connection. Settings without effect (`recv-bytes`, `send-bytes`,
//! `cleanup-interval`, `asyncore-loop-timeout`, `asyncore-use-poll`, `channel-request-lookahead`) are
//! accepted, validated and shown, but have no field.

use std::path::PathBuf;
use std::time::Duration;

use crate::development::Purpose;
use crate::values::{
    AccessLogFormat, AccessLogTarget, ColourUse, ConnectionLimitAction, Endpoint, LogFields,
    LogFormat, LogLevel, MemoryLimit, ProxyHeaders, RequestId, SupervisorUse, TrustedProxies,
};

/// Complete settings: every value has been set or defaulted, and every combination validated.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The application, and its environ.
    pub application: ApplicationSettings,
    /// Where the server listens.
    pub network: NetworkSettings,
    /// Worker processes and their supervisor.
    pub processes: ProcessSettings,
    /// Limits on numbers and sizes.
    pub limits: LimitSettings,
    /// Limits on time.
    pub timeouts: TimeoutSettings,
    /// The proxies that are trusted.
    pub proxies: ProxySettings,
    /// Logs, request IDs and error output.
    pub observability: ObservabilitySettings,
    /// What they are for.
    pub purpose: Purpose,
}

impl Settings {
    /// These settings with a change.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

/// Where the server listens.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkSettings {
    /// The addresses to listen on, in the order given, without duplicates. Never empty.
    pub listen: Vec<Endpoint>,
    /// Whether names and `*` may resolve to IPv4 addresses. At least one family is allowed.
    pub ipv4: bool,
    /// Whether names and `*` may resolve to IPv6 addresses. At least one family is allowed.
    pub ipv6: bool,
    /// Length of the kernel's queue of connections not yet accepted, for each listening socket.
    pub backlog: u32,
    /// The address for probes, metrics and status; `None` if they are not served.
    pub admin_listen: Option<Endpoint>,
}

/// Limits on numbers and sizes.
#[derive(Clone, Debug, PartialEq)]
pub struct LimitSettings {
    /// Threads in each worker process that call the application. At least 1.
    pub threads: usize,
    /// Maximum number of open client connections. At least 1.
    pub connections: usize,
    /// What happens to a connection above the limit.
    pub connection_limit_action: ConnectionLimitAction,
    /// Maximum number of requests that wait for a thread. At least 1.
    pub queue: usize,
    /// Bytes of a request body kept in memory; a larger body goes to a file in `temp_dir`.
    pub inbuf_overflow: usize,
    /// Bytes of a response kept in memory per connection; more go to a file in `temp_dir`.
    pub outbuf_overflow: usize,
    /// Bytes of a response that may wait for the client; above this, the application waits, too.
    pub outbuf_high_watermark: usize,
    /// Maximum bytes of memory held for all clients of a process; above this, bodies and responses go to
    /// files in `temp_dir`.
    pub client_memory: u64,
    /// Maximum bytes in files in `temp_dir`, in a process.
    pub spool: u64,
    /// Maximum bytes of a request head, from its first byte to the empty line, inclusive.
    pub max_request_header_size: usize,
    /// Maximum number of field lines of a request head, inclusive.
    pub max_request_header_fields: usize,
    /// Maximum bytes of a request body, inclusive.
    pub max_request_body_size: u64,
}

/// Limits on time.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeoutSettings {
    /// Maximum time between two requests on a connection.
    pub keep_alive: Duration,
    /// Maximum time from the first byte of a request head to its end.
    pub header: Duration,
    /// Maximum wait for request body bytes.
    pub body: Duration,
    /// Maximum wait for the client to read response bytes.
    pub write: Duration,
    /// Maximum time that a request waits for a thread.
    pub queue: Duration,
    /// Time after which a running request is answered 504; `None` is never.
    pub request: Option<Duration>,
    /// Time after which the Python stack of a running request is logged; `None` is never.
    pub slow_request: Option<Duration>,
    /// Time after SIGTERM during which connections are accepted, while readiness already fails.
    pub drain_delay: Duration,
    /// Maximum time after `drain_delay` for running requests to finish.
    pub graceful: Duration,
}

/// The proxies that are trusted.
#[derive(Clone, Debug, PartialEq)]
pub struct ProxySettings {
    /// Peers whose forwarding fields are trusted.
    pub trusted: TrustedProxies,
    /// Number of proxies in a row in front of the server. At least 1.
    pub count: usize,
    /// Forwarding fields that are trusted: `Forwarded`, or any of the others.
    pub headers: ProxyHeaders,
    /// Whether untrusted forwarding fields are logged.
    pub log_untrusted_headers: bool,
    /// Whether untrusted forwarding fields are removed before the application is called.
    pub clear_untrusted_headers: bool,
}

/// Logs, request IDs and error output.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservabilitySettings {
    /// Destination of the access log; `None` for no access log.
    pub access_log: Option<AccessLogTarget>,
    /// Format of an access log line.
    pub access_log_format: AccessLogFormat,
    /// Whether the access log has the queries of URLs.
    pub access_log_query: bool,
    /// Paths left out of the access log if the status is below 400.
    pub access_log_exclude: Vec<String>,
    /// Minimum severity of log records.
    pub log_level: LogLevel,
    /// Format of a log record.
    pub log_format: LogFormat,
    /// Names of the fields in logs that are JSON.
    pub log_fields: LogFields,
    /// File with a dictionary for Python's `logging.config`.
    pub log_config: Option<PathBuf>,
    /// Whether logs on a terminal have colours, as the environment says.
    pub colours: ColourUse,
    /// Whether socket errors of connections are logged.
    pub log_socket_errors: bool,
    /// Whether an error response shows the application's traceback.
    pub expose_tracebacks: bool,
    /// Source of request IDs.
    pub request_id: RequestId,
}

/// The application, and its environ.
#[derive(Clone, Debug, PartialEq)]
pub struct ApplicationSettings {
    /// The application: `module:attribute` or `module:factory()`.
    pub app: Option<String>,
    /// Whether `app` names a factory, which is called without arguments.
    pub call: bool,
    /// Directory to change to before the application is imported.
    pub chdir: Option<PathBuf>,
    /// Directories to put at the front of `sys.path`.
    pub python_path: Vec<PathBuf>,
    /// `wsgi.url_scheme`, unless a trusted proxy reports another one.
    pub url_scheme: String,
    /// `SCRIPT_NAME`: empty, or with a leading slash and no trailing slash.
    pub url_prefix: String,
    /// Whether several slashes at the beginning of `PATH_INFO` become one.
    pub collapse_leading_slashes: bool,
    /// `SERVER_NAME`.
    pub server_name: String,
    /// The `Server` field and `SERVER_SOFTWARE`; `None` sets neither.
    pub ident: Option<String>,
    /// Directory for bodies that do not fit in memory; `None` for the system's.
    pub temp_dir: Option<PathBuf>,
    /// Whether an unknown `MAITRED_*` variable is an error.
    pub strict_env: bool,
}

/// The settings of worker processes and of their supervisor.
#[derive(Clone, Debug, PartialEq)]
pub struct ProcessSettings {
    /// Worker processes. At least 1.
    pub workers: usize,
    /// Whether there is a supervisor; see [`ProcessSettings::are_supervised`].
    pub supervisor: SupervisorUse,
    /// Whether the application is imported once, and the workers are forked from that process.
    pub preload: bool,
    /// The number of requests after which a worker is replaced; `None` is never.
    pub max_requests: Option<u64>,
    /// The most that a random number adds to `max_requests`.
    pub max_requests_jitter: u64,
    /// The memory above which a worker is replaced; `None` is never.
    pub max_rss: Option<MemoryLimit>,
    /// How long an interpreter may not answer before its worker is replaced; `None` is for ever.
    pub worker_timeout: Option<Duration>,
    /// Maximum time of a worker from its start until it can serve.
    pub start_timeout: Duration,
    /// The module that registers hooks, imported before the application.
    pub hooks: Option<String>,
    /// Whether the worker is replaced when a source file changes.
    pub reload: bool,
    /// Whether metrics have the series of each worker, or their sums.
    pub metrics_by_worker: bool,
}

impl ProcessSettings {
    /// Whether a supervisor owns the workers.
    pub const fn are_supervised(&self) -> bool {
        match self.supervisor {
            SupervisorUse::Always => true,
            SupervisorUse::Never => false,
            SupervisorUse::Auto => {
                self.workers > 1
                    || self.preload
                    || self.reload
                    || self.max_requests.is_some()
                    || self.max_rss.is_some()
            }
        }
    }
}
