//! Builds [`Settings`] from merged values.
//!
//! Every value has already been parsed according to its declaration. Only the few texts that are
//! parsed a second time could fail here, and tests verify that they do not.

use std::path::PathBuf;
use std::time::Duration;

use crate::declaration::{
    Setting, application as app, limits, network, observability, processes, proxy, timeouts,
};
use crate::development::Purpose;
use crate::merge::Merged;
use crate::path_text;
use crate::problem::{Problem, Problems};
use crate::raw_value::Value;
use crate::settings::{
    ApplicationSettings, LimitSettings, NetworkSettings, ObservabilitySettings, ProcessSettings,
    ProxySettings, Settings, TimeoutSettings,
};
use crate::system::{Gil, Packing, System};
use crate::values::{
    AccessLogFormat, AccessLogTarget, ColourUse, DEFAULT_PORT, Endpoint, HostName, MemoryLimit,
    MetricsByWorker, Port, ProxyHeader, ProxyHeaders, TrustedProxies,
};

/// What the number of threads and processes follows from where it is `auto`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Machine {
    /// The number of CPUs that the process may use; 0 if unknown.
    pub(crate) cpus: usize,
    pub(crate) gil: Gil,
    pub(crate) system: System,
    pub(crate) packing: Packing,
}

impl Machine {
    /// Why it cannot have worker processes, if so.
    pub(crate) fn lacks_workers(self) -> Option<NoWorkers> {
        match (self.system, self.packing) {
            (System::Windows, _) => Some(NoWorkers::OnWindows),
            (System::Linux | System::Unix, Packing::Packed) => Some(NoWorkers::IfPacked),
            (System::Linux | System::Unix, Packing::Interpreter) => None,
        }
    }
}

/// Why there can be no worker processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoWorkers {
    /// The system has neither signals nor sockets that can be handed over.
    OnWindows,
    /// There is no interpreter to start them with.
    IfPacked,
}

/// Builds the settings.
pub(crate) fn settings(merged: &Merged, machine: Machine) -> Result<Settings, Problems> {
    Ok(Settings {
        application: application(merged),
        network: NetworkSettings {
            listen: listen(merged)?,
            ipv4: merged.flag(&network::IPV4),
            ipv6: merged.flag(&network::IPV6),
            backlog: merged.get(&network::BACKLOG),
            admin_listen: match text(merged, &network::ADMIN_LISTEN) {
                Some(text) => Some(endpoint(merged, &network::ADMIN_LISTEN, &text)?),
                None => None,
            },
        },
        processes: processes(merged, machine),
        limits: LimitSettings {
            threads: threads(merged, machine.cpus),
            connections: merged.get(&limits::CONNECTION_LIMIT),
            connection_limit_action: merged.get(&limits::CONNECTION_LIMIT_ACTION),
            queue: merged.get(&limits::QUEUE_LIMIT),
            inbuf_overflow: merged.get(&limits::INBUF_OVERFLOW),
            outbuf_overflow: merged.get(&limits::OUTBUF_OVERFLOW),
            outbuf_high_watermark: merged.get(&limits::OUTBUF_HIGH_WATERMARK),
            client_memory: merged.get(&limits::CLIENT_MEMORY_LIMIT),
            spool: merged.get(&limits::SPOOL_LIMIT),
            max_request_header_size: merged.get(&limits::MAX_REQUEST_HEADER_SIZE),
            max_request_header_fields: merged.get(&limits::MAX_REQUEST_HEADER_FIELDS),
            max_request_body_size: merged.get(&limits::MAX_REQUEST_BODY_SIZE),
        },
        timeouts: TimeoutSettings {
            keep_alive: duration(merged, &timeouts::KEEP_ALIVE_TIMEOUT),
            header: duration(merged, &timeouts::HEADER_TIMEOUT),
            body: duration(merged, &timeouts::BODY_TIMEOUT),
            write: duration(merged, &timeouts::WRITE_TIMEOUT),
            queue: duration(merged, &timeouts::QUEUE_TIMEOUT),
            request: unless_zero(duration(merged, &timeouts::REQUEST_TIMEOUT)),
            slow_request: unless_zero(duration(merged, &timeouts::SLOW_REQUEST)),
            drain_delay: duration(merged, &timeouts::DRAIN_DELAY),
            graceful: duration(merged, &timeouts::GRACEFUL_TIMEOUT),
        },
        proxies: ProxySettings {
            trusted: trusted(merged)?,
            count: merged.get(&proxy::TRUSTED_PROXY_COUNT),
            headers: believed(merged),
            log_untrusted_headers: merged.flag(&proxy::LOG_UNTRUSTED_PROXY_HEADERS),
            clear_untrusted_headers: merged.flag(&proxy::CLEAR_UNTRUSTED_PROXY_HEADERS),
        },
        observability: ObservabilitySettings {
            access_log: text(merged, &observability::ACCESS_LOG).map(|target| {
                match target.as_str() {
                    "-" => AccessLogTarget::Stdout,
                    path => AccessLogTarget::File(path_text::to_path(path)),
                }
            }),
            access_log_format: access_log_format(merged)?,
            access_log_query: merged.flag(&observability::ACCESS_LOG_QUERY),
            access_log_exclude: merged.get(&observability::ACCESS_LOG_EXCLUDE),
            log_level: merged.get(&observability::LOG_LEVEL),
            log_format: merged.get(&observability::LOG_FORMAT),
            log_fields: merged.get(&observability::LOG_FIELDS),
            log_config: path(merged, &observability::LOG_CONFIG),
            log_socket_errors: merged.flag(&observability::LOG_SOCKET_ERRORS),
            expose_tracebacks: merged.flag(&observability::EXPOSE_TRACEBACKS),
            request_id: merged.get(&observability::REQUEST_ID),
            colours: ColourUse::default(),
        },
        purpose: Purpose::default(),
    })
}

fn application(merged: &Merged) -> ApplicationSettings {
    ApplicationSettings {
        app: text(merged, &app::APP),
        call: merged.flag(&app::CALL),
        chdir: path(merged, &app::CHDIR),
        python_path: merged
            .get::<Vec<String>>(&app::PYTHON_PATH)
            .iter()
            .map(|path| path_text::to_path(path))
            .collect(),
        url_scheme: word(merged, &app::URL_SCHEME),
        url_prefix: word(merged, &app::URL_PREFIX),
        collapse_leading_slashes: merged.flag(&app::COLLAPSE_LEADING_SLASHES),
        server_name: word(merged, &app::SERVER_NAME),
        ident: text(merged, &app::IDENT),
        temp_dir: path(merged, &app::TEMP_DIR),
        strict_env: merged.flag(&app::STRICT_ENV),
    }
}

/// The text of a setting; `None` if it is unset.
fn text(merged: &Merged, setting: &Setting) -> Option<String> {
    match merged.value(setting) {
        Value::Text(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}

/// The path of a setting; `None` if it is unset.
fn path(merged: &Merged, setting: &Setting) -> Option<PathBuf> {
    text(merged, setting).map(|path| path_text::to_path(&path))
}

/// The text of a setting that always has one.
fn word(merged: &Merged, setting: &Setting) -> String {
    text(merged, setting).unwrap_or_default()
}

fn duration(merged: &Merged, setting: &Setting) -> Duration {
    Duration::from_millis(merged.get(setting))
}

fn unless_zero(duration: Duration) -> Option<Duration> {
    (!duration.is_zero()).then_some(duration)
}

/// The number of threads. `auto` is four per CPU, which keeps a CPU busy while some threads wait.
/// With fewer than 4, one slow request delays all others; with more than 32, threads mostly wait
/// for the GIL.
fn threads(merged: &Merged, cpus: usize) -> usize {
    match merged.value(&limits::THREADS) {
        Value::Int(number) => usize::try_from(number).unwrap_or(1),
        _ => cpus.saturating_mul(4).clamp(4, 32),
    }
}

/// The number of worker processes. `auto` is one per CPU, because the threads of one process share
/// the GIL; without a GIL, and where several processes are not supported, it is one.
pub(crate) fn workers(merged: &Merged, machine: Machine) -> usize {
    match merged.value(&processes::WORKERS) {
        Value::Int(number) => usize::try_from(number).unwrap_or(1),
        _ if machine.gil == Gil::Disabled || machine.lacks_workers().is_some() => 1,
        _ => machine.cpus.max(1),
    }
}

/// The number of workers up to which `metrics-by-worker` is on if it is `auto`. A worker has some
/// hundred series.
const WORKERS_WITH_SERIES: usize = 8;

fn processes(merged: &Merged, machine: Machine) -> ProcessSettings {
    let workers = workers(merged, machine);
    let max_requests = merged.get::<u64>(&processes::MAX_REQUESTS);
    ProcessSettings {
        workers,
        supervisor: merged.get(&processes::SUPERVISOR),
        preload: merged.flag(&processes::PRELOAD),
        max_requests: (max_requests > 0).then_some(max_requests),
        max_requests_jitter: match merged.value(&processes::MAX_REQUESTS_JITTER) {
            Value::Int(number) => u64::try_from(number).unwrap_or_default(),
            _ => max_requests / 10,
        },
        max_rss: max_rss(merged),
        worker_timeout: unless_zero(duration(merged, &processes::WORKER_TIMEOUT)),
        start_timeout: duration(merged, &processes::START_TIMEOUT),
        hooks: text(merged, &processes::HOOKS),
        reload: merged.flag(&processes::RELOAD),
        metrics_by_worker: match merged.get(&processes::METRICS_BY_WORKER) {
            MetricsByWorker::Auto => workers <= WORKERS_WITH_SERIES,
            MetricsByWorker::True => true,
            MetricsByWorker::False => false,
        },
    }
}

/// The limit of `max-rss`; `None` for 0.
pub(crate) fn max_rss(merged: &Merged) -> Option<MemoryLimit> {
    match merged.value(&processes::MAX_RSS) {
        Value::Int(bytes) => {
            u64::try_from(bytes).ok().filter(|bytes| *bytes > 0).map(MemoryLimit::Bytes)
        }
        Value::Text(percent) => MemoryLimit::percent(&percent),
        _ => None,
    }
}

/// The addresses to listen on. `resolve_ways` has left at most one of the four ways to set them.
pub(crate) fn listen(merged: &Merged) -> Result<Vec<Endpoint>, Problems> {
    let descriptors: Vec<i32> = merged.get(&network::SOCKETS);
    let listen: Vec<String> = merged.get(&network::LISTEN);
    let mut endpoints: Vec<Endpoint> = Vec::new();
    if !descriptors.is_empty() {
        endpoints.extend(descriptors.into_iter().map(Endpoint::Descriptor));
    } else if let Some(path) = path(merged, &network::UNIX_SOCKET) {
        endpoints.push(Endpoint::Unix { path, mode: mode(merged) });
    } else if !listen.is_empty() {
        for text in &listen {
            endpoints.push(endpoint(merged, &network::LISTEN, text)?);
        }
    } else {
        let host = HostName::parse(&word(merged, &network::HOST))
            .map_err(|hint| Problems::from(Problem::new(hint)))?;
        endpoints.push(Endpoint::Tcp { host, port: Port::Number(merged.get(&network::PORT)) });
    }
    Ok(without_duplicates(endpoints))
}

/// Removes repeated addresses. Port 0 twice means two free ports, so those are kept.
fn without_duplicates(endpoints: Vec<Endpoint>) -> Vec<Endpoint> {
    let mut kept: Vec<Endpoint> = Vec::with_capacity(endpoints.len());
    for endpoint in endpoints {
        let is_any_port = matches!(endpoint, Endpoint::Tcp { port: Port::Number(0), .. });
        if is_any_port || !kept.contains(&endpoint) {
            kept.push(endpoint);
        }
    }
    kept
}

fn endpoint(merged: &Merged, setting: &Setting, text: &str) -> Result<Endpoint, Problems> {
    Endpoint::parse(text, DEFAULT_PORT, mode(merged)).map_err(|hint| {
        Problem::new(format!("`{}` cannot be `{text}`", setting.name)).hinting(hint).into()
    })
}

fn mode(merged: &Merged) -> u32 {
    merged.get(&network::UNIX_SOCKET_PERMS)
}

fn trusted(merged: &Merged) -> Result<TrustedProxies, Problems> {
    let words: Vec<String> = merged.get(&proxy::TRUSTED_PROXY);
    TrustedProxies::parse(words.iter().map(String::as_str))
        .map_err(|hint| Problem::new(hint).into())
}

/// The fields that are trusted. If a proxy is trusted and no field is named, that is
/// `x-forwarded-proto`, as in Waitress.
fn believed(merged: &Merged) -> ProxyHeaders {
    let named: Vec<String> = merged.get(&proxy::TRUSTED_PROXY_HEADERS);
    let is_trusting = merged.location(&proxy::TRUSTED_PROXY).is_some();
    if named.is_empty() && is_trusting {
        return ProxyHeaders::default().with(ProxyHeader::XForwardedProto);
    }
    ProxyHeader::ALL
        .into_iter()
        .filter(|header| named.iter().any(|name| name == header.name()))
        .collect()
}

fn access_log_format(merged: &Merged) -> Result<AccessLogFormat, Problems> {
    let text = word(merged, &observability::ACCESS_LOG_FORMAT);
    AccessLogFormat::parse(&text).map_err(|hint| {
        let problem = Problem::new(format!("`access-log-format` cannot be `{text}`"));
        hint.map_or(problem.clone(), |hint| problem.hinting(hint)).into()
    })
}
