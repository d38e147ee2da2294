//! What the options of other servers are called here.
//!
//! Whoever comes from gunicorn types its flags by habit. Those that mean the same are accepted as
//! aliases; the others are unknown, and the message says what to use instead.

/// A name of another server, and what to do here. Sorted by name.
const ADVICE: &[(&str, &str)] = &[
    ("access-logfile", "it is called `access-log` here"),
    ("access-logformat", "it is called `access-log-format` here"),
    ("bind", "it is called `listen` here"),
    ("ca-certs", "there is no TLS here: a proxy in front ends it"),
    ("certfile", "there is no TLS here: a proxy in front ends it"),
    ("daemon", "a service manager keeps the server running; it stays in the foreground"),
    ("error-logfile", "the log goes to standard error; `log-level` and `log-format` shape it"),
    ("forwarded-allow-ips", "it is called `trusted-proxy` here"),
    ("group", "a service manager sets user and group"),
    ("http-socket", "it is called `listen` here"),
    ("keep-alive", "it is called `keep-alive-timeout` here"),
    ("keepalive", "it is called `keep-alive-timeout` here"),
    ("keyfile", "there is no TLS here: a proxy in front ends it"),
    ("limit-request-field_size", "it is part of `max-request-header-size` here"),
    ("limit-request-fields", "it is part of `max-request-header-size` here"),
    ("limit-request-line", "it is part of `max-request-header-size` here"),
    ("log-file", "the log goes to standard error; `log-level` and `log-format` shape it"),
    ("loglevel", "it is called `log-level` here"),
    ("max-requests", "workers are not restarted after a number of requests here"),
    ("max-requests-jitter", "workers are not restarted after a number of requests here"),
    ("pid", "a service manager knows the process; no file is written"),
    ("pidfile", "a service manager knows the process; no file is written"),
    ("preload", "the application is loaded once, before any connection is accepted"),
    ("preload-app", "the application is loaded once, before any connection is accepted"),
    ("processes", "it is called `workers` here"),
    ("pythonpath", "it is called `python-path` here"),
    ("reload", "there is no reloader here: the framework's development server has one"),
    ("statsd-host", "`admin-listen` answers `/metrics` for Prometheus"),
    ("timeout", "it is called `request-timeout` here"),
    ("umask", "`unix-socket-perms` sets the permissions of Unix sockets"),
    ("user", "a service manager sets user and group"),
    ("worker-class", "there is one kind of worker: threads that Rust feeds"),
    ("worker-connections", "it is called `connection-limit` here"),
    ("worker-tmp-dir", "it is called `temp-dir` here"),
];

/// One-letter flags of gunicorn, by their long name.
const LETTERS: &[(&str, &str)] = &[
    ("D", "daemon"),
    ("g", "group"),
    ("k", "worker-class"),
    ("m", "umask"),
    ("p", "pid"),
    ("t", "timeout"),
    ("u", "user"),
];

/// Names above that take no value, so that what follows them is the application.
const SWITCHES: &[&str] = &["D", "daemon", "preload", "preload-app", "reload"];

/// What to do instead of a setting of another server, if it is known as one.
pub(crate) fn advice(name: &str) -> Option<&'static str> {
    let long = LETTERS.iter().find(|(letter, _)| *letter == name).map_or(name, |(_, long)| *long);
    let long = long.replace('_', "-").to_ascii_lowercase();
    ADVICE.iter().find(|(known, _)| known.replace('_', "-") == long).map(|(_, advice)| *advice)
}

/// Whether an unknown flag is known to take the next argument as its value.
pub(crate) fn takes_value(name: &str) -> bool {
    advice(name).is_some() && !SWITCHES.contains(&name)
}
