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
    ("log_config_json", "log-config"),
    ("log_level", "log-level"),
    ("logconfig_json", "log-config"),
    ("loglevel", "log-level"),
    ("preload_app", "preload"),
    ("pythonpath", "python-path"),
    ("timeout", "worker-timeout"),
    ("worker_connections", "connection-limit"),
    ("worker_tmp_dir", "temp-dir"),
    ("wsgi_app", "app"),
];

/// Where gunicorn listens if nothing says so.
const DEFAULT_ADDRESS: &str = "127.0.0.1:8000";

/// The entries with our names, and gunicorn's defaults where ours differ.
pub(super) fn renamed(entries: Entries, left_out: &mut Vec<String>) -> Entries {
    let mut renamed = Entries::new();
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
    }
    renamed
}
