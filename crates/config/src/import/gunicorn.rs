//! gunicorn's settings: what they are called here.
//!
//! `gunicorn.conf.py` is a program. The caller reads its assignments without executing it.

use super::Entries;
use crate::raw_value::Value;

/// Settings that are called the same. Another name of ours is a variable of the program.
const SAME: &[&str] = &[
    "access_log_format",
    "app",
    "backlog",
    "chdir",
    "graceful_timeout",
    "max_requests",
    "max_requests_jitter",
    "preload",
    "reload",
    "threads",
    "workers",
];

/// gunicorn's name, and ours.
const NAMES: &[(&str, &str)] = &[
    ("access_logfile", "access-log"),
    ("access_logformat", "access-log-format"),
    ("accesslog", "access-log"),
    ("bind", "listen"),
    ("forwarded_allow_ips", "trusted-proxy"),
    ("keep_alive", "keep-alive-timeout"),
    ("keepalive", "keep-alive-timeout"),
    ("limit_request_fields", "max-request-header-fields"),
    ("log_config_json", "log-config"),
    ("log_level", "log-level"),
    ("logconfig_json", "log-config"),
    ("loglevel", "log-level"),
    ("preload_app", "preload"),
    ("pythonpath", "python-path"),
    ("timeout", "worker-timeout"),
    ("tmp_upload_dir", "temp-dir"),
    ("worker_connections", "connection-limit"),
    ("wsgi_app", "app"),
];

/// Where gunicorn listens if nothing says so.
const DEFAULT_ADDRESS: &str = "127.0.0.1:8000";

/// Its port for an address without one.
const DEFAULT_PORT: u16 = 8000;

/// Worker classes that serve one request at a time, unless `threads` is more.
const WITH_THREADS: [&str; 4] = [
    "sync",
    "gthread",
    "gunicorn.workers.sync.SyncWorker",
    "gunicorn.workers.gthread.ThreadWorker",
];

/// The entries with our names, and gunicorn's defaults where ours differ.
pub(super) fn renamed(entries: Entries, left_out: &mut Vec<String>) -> Entries {
    let mut renamed = Entries::new();
    let is_of_threads = !entries.iter().any(|(name, value)| {
        name.replace('-', "_") == "worker_class"
            && !matches!(value, Value::Text(class) if WITH_THREADS.contains(&class.as_str()))
    });
    for (name, value) in entries {
        let plain = name.replace('-', "_");
        let ours = NAMES.iter().find(|(theirs, _)| *theirs == plain).map(|(_, ours)| *ours);
        if ours.is_none() && !SAME.contains(&plain.as_str()) {
            left_out.push(super::without_counterpart(&name));
            continue;
        }
        let value = match (ours, value) {
            (Some("python-path"), Value::Text(folders)) => {
                Value::List(folders.split(',').map(|folder| Value::Text(folder.into())).collect())
            }
            (Some("log-level"), Value::Text(level)) if level.eq_ignore_ascii_case("critical") => {
                Value::Text("error".into())
            }
            (Some("listen"), value) => addresses(value),
            (_, value) => value,
        };
        if ours == Some("worker-timeout") {
            left_out.push(format!(
                "nothing, but `{name}` became `worker-timeout`: `request-timeout` limits a request"
            ));
        }
        renamed.push((ours.map_or(name, str::to_owned), value));
    }
    if !renamed.iter().any(|(name, _)| name == "listen") {
        renamed.push(("listen".into(), Value::Text(DEFAULT_ADDRESS.into())));
        left_out.push(
            "nothing, but `listen` is gunicorn's default: leave it out where $PORT says the port"
                .into(),
        );
    }
    if is_of_threads && !renamed.iter().any(|(name, _)| name == "threads") {
        renamed.push(super::one_thread(left_out));
    }
    renamed
}

/// Addresses as a list, each with its port.
fn addresses(value: Value) -> Value {
    match value {
        Value::Text(addresses) => Value::List(
            addresses.split(',').map(|address| Value::Text(with_port(address.trim()))).collect(),
        ),
        Value::List(items) => Value::List(
            items
                .into_iter()
                .map(|item| match item {
                    Value::Text(address) => Value::Text(with_port(&address)),
                    other => other,
                })
                .collect(),
        ),
        other => other,
    }
}

fn with_port(address: &str) -> String {
    let address = address.strip_prefix("tcp://").unwrap_or(address);
    let has_port = address.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
    match has_port || address.is_empty() {
        true => address.to_owned(),
        false => format!("{address}:{DEFAULT_PORT}"),
    }
}
