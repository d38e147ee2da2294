//! Hints for the options of other servers, above all gunicorn's.
//!
//! Options that mean the same are accepted as aliases. The others are unknown, and the error says
//! what to use instead.

/// An option of another server, and what to use instead. Sorted by name.
const ADVICE: &[(&str, &str)] = &[
    ("access-logfile", "use `access-log`"),
    ("access-logformat", "use `access-log-format`"),
    ("bind", "use `listen`"),
    ("ca-certs", "TLS is not supported: terminate it in a proxy"),
    ("certfile", "TLS is not supported: terminate it in a proxy"),
    ("daemon", "the server stays in the foreground: run it under a service manager"),
    ("error-logfile", "the log goes to standard error; see `log-level` and `log-format`"),
    ("forwarded-allow-ips", "use `trusted-proxy`"),
    ("group", "set user and group in the service manager"),
    ("http-socket", "use `listen`"),
    ("keep-alive", "use `keep-alive-timeout`"),
    ("keepalive", "use `keep-alive-timeout`"),
    ("keyfile", "TLS is not supported: terminate it in a proxy"),
    ("limit-request-field_size", "use `max-request-header-size`, for the whole head"),
    ("limit-request-fields", "use `max-request-header-fields`"),
    ("limit-request-line", "use `max-request-header-size`, for the whole head"),
    ("log-file", "the log goes to standard error; see `log-level` and `log-format`"),
    ("loglevel", "use `log-level`"),
    ("pid", "no pid file is written: run the server under a service manager"),
    ("pidfile", "no pid file is written: run the server under a service manager"),
    ("processes", "use `workers`"),
    ("pythonpath", "use `python-path`"),
    ("reload-on-rss", "use `max-rss`"),
    ("statsd-host", "use `admin-listen`, which serves `/metrics` for Prometheus"),
    ("timeout", "use `request-timeout` for requests, `worker-timeout` for interpreters that hang"),
    ("umask", "use `unix-socket-perms` for the permissions of Unix sockets"),
    ("user", "set user and group in the service manager"),
    ("worker-boot-timeout", "use `start-timeout`"),
    ("worker-class", "not needed: all workers are threads"),
    ("worker-connections", "use `connection-limit`"),
    ("worker-tmp-dir", "use `temp-dir`"),
    ("workers-max-rss", "use `max-rss`"),
];

/// One-letter flags of gunicorn, with their long names.
const LETTERS: &[(&str, &str)] = &[
    ("D", "daemon"),
    ("g", "group"),
    ("k", "worker-class"),
    ("m", "umask"),
    ("p", "pid"),
    ("t", "timeout"),
    ("u", "user"),
];

/// Options above that take no value, so that the argument after them is not taken for one.
const SWITCHES: &[&str] = &["D", "daemon"];

/// What to use instead of `name`, if it is a known option of another server.
pub(crate) fn advice(name: &str) -> Option<&'static str> {
    let long = LETTERS.iter().find(|(letter, _)| *letter == name).map_or(name, |(_, long)| *long);
    let long = long.replace('_', "-").to_ascii_lowercase();
    ADVICE.iter().find(|(known, _)| known.replace('_', "-") == long).map(|(_, advice)| *advice)
}

/// Whether `name` is a known option of another server that takes a value.
pub(crate) fn takes_value(name: &str) -> bool {
    advice(name).is_some() && !SWITCHES.contains(&name)
}
