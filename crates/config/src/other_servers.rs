//! Hints for the options of other servers: gunicorn, uWSGI, uvicorn, hypercorn, granian.
//!
//! Options that mean the same are accepted as aliases. The others are unknown, and the error says
//! what to use instead.

/// An option of another server, and what to use instead. Sorted by name.
const ADVICE: &[(&str, &str)] = &[
    ("access-log-fmt", "use `access-log-format`"),
    ("access-logfile", "use `access-log`"),
    ("access-logformat", "use `access-log-format`"),
    ("app-dir", "use `python-path`, or `chdir`"),
    ("backpressure", "use `queue-limit`"),
    ("bind", "use `listen`"),
    ("blocking-threads", "use `threads`"),
    ("ca-certs", "TLS is not supported: terminate it in a proxy"),
    ("capture-output", "not needed: the output of the application goes to standard error"),
    ("cert-reqs", "TLS is not supported: terminate it in a proxy"),
    ("certfile", "TLS is not supported: terminate it in a proxy"),
    ("child-exit", "the supervisor runs no code of the application: use the service manager"),
    ("ciphers", "TLS is not supported: terminate it in a proxy"),
    ("daemon", "the server stays in the foreground: run it under a service manager"),
    ("disable-redirect-access-to-syslog", "not needed: no log goes to syslog"),
    ("do-handshake-on-connect", "TLS is not supported: terminate it in a proxy"),
    ("dogstatsd-tags", "use `admin-listen`, which serves `/metrics` for Prometheus"),
    (
        "enable-stdio-inheritance",
        "not needed: the output of the application goes to standard error",
    ),
    (
        "env",
        "set the variables where the server is started: in the unit, the container or the shell",
    ),
    (
        "env-file",
        "set the variables where the server is started: in the unit, the container or the shell",
    ),
    (
        "env-files",
        "set the variables where the server is started: in the unit, the container or the shell",
    ),
    ("error-logfile", "the log goes to standard error; see `log-level` and `log-format`"),
    ("errorlog", "the log goes to standard error; see `log-level` and `log-format`"),
    (
        "event-loop",
        "there is no event loop in Python: one thread in Rust does all input and output",
    ),
    ("factory", "use `call`, or write `module:factory()`"),
    ("fd", "use `listen`, as in `--listen=fd://3`"),
    ("forwarded-allow-ips", "use `trusted-proxy`, and `trusted-proxy-headers` for the fields"),
    ("forwarder-headers", "use `trusted-proxy` and `trusted-proxy-headers`"),
    ("group", "set user and group in the service manager"),
    ("h11-max-incomplete-event-size", "use `max-request-header-size`, for the whole head"),
    ("http", "HTTP/1.1 is spoken; for HTTP/2, terminate it in a proxy"),
    ("http-socket", "use `listen`"),
    ("initgroups", "set user and group in the service manager"),
    ("insecure-bind", "use `listen`"),
    ("interface", "only WSGI applications are served"),
    ("keep-alive", "use `keep-alive-timeout`"),
    ("keepalive", "use `keep-alive-timeout`"),
    ("keyfile", "TLS is not supported: terminate it in a proxy"),
    ("lifespan", "only WSGI applications are served"),
    ("limit-concurrency", "use `connection-limit` and `queue-limit`"),
    ("limit-max-requests", "use `max-requests`"),
    ("limit-request-field_size", "use `max-request-header-size`, for the whole head"),
    ("limit-request-fields", "use `max-request-header-fields`"),
    ("limit-request-line", "use `max-request-header-size`, for the whole head"),
    ("log-file", "the log goes to standard error; see `log-level` and `log-format`"),
    ("logconfig", "write a dictionary instead of an INI file, and use `log-config`"),
    ("logconfig-dict", "write the dictionary to a file, and use `log-config`"),
    ("logconfig-json", "use `log-config`"),
    ("logger-class", "the log goes to standard error; see `log-level` and `log-format`"),
    ("loglevel", "use `log-level`"),
    ("loop", "there is no event loop in Python: one thread in Rust does all input and output"),
    ("metrics", "use `admin-listen`, which serves `/metrics` for Prometheus"),
    ("name", "set the name in the service manager"),
    ("no-access-log", "there is no access log unless `access-log` is set"),
    ("no-proxy-headers", "no proxy is trusted unless `trusted-proxy` names it"),
    ("no-sendfile", "not needed: files are always sent by the kernel"),
    ("no-server-header", "set `ident` to nothing: `--ident=`"),
    ("no-use-colors", "set `NO_COLOR` for no colours"),
    ("nworkers-changed", "the supervisor runs no code of the application: use the service manager"),
    ("on-exit", "the supervisor runs no code of the application: use the service manager"),
    ("on-reload", "the supervisor runs no code of the application: use the service manager"),
    ("on-starting", "the supervisor runs no code of the application: use the service manager"),
    ("paste", "use `maitred config import` for the settings, and `app` for the application"),
    (
        "pid",
        "no pid file is written: run the server under a service manager; for the port, use `port`",
    ),
    ("pid-file", "no pid file is written: run the server under a service manager"),
    ("pidfile", "no pid file is written: run the server under a service manager"),
    ("post-fork", "use `hooks`: a function for `worker-start`"),
    ("post-request", "wrap the application in WSGI middleware"),
    ("post-worker-init", "use `hooks`: a function for `worker-start`"),
    ("pre-exec", "the supervisor runs no code of the application: use the service manager"),
    ("pre-fork", "register the function with `os.register_at_fork`"),
    ("pre-request", "wrap the application in WSGI middleware"),
    ("proc-name", "set the name in the service manager"),
    ("process-name", "set the name in the service manager"),
    ("processes", "use `workers`"),
    (
        "proxy-allow-from",
        "the PROXY protocol is not supported: use forwarding fields and `trusted-proxy`",
    ),
    (
        "proxy-allow-ips",
        "the PROXY protocol is not supported: use forwarding fields and `trusted-proxy`",
    ),
    ("proxy-headers", "use `trusted-proxy` and `trusted-proxy-headers`"),
    (
        "proxy-protocol",
        "the PROXY protocol is not supported: use forwarding fields and `trusted-proxy`",
    ),
    ("pythonpath", "use `python-path`"),
    ("quic-bind", "HTTP/3 is not supported: terminate it in a proxy"),
    (
        "raw-env",
        "set the variables where the server is started: in the unit, the container or the shell",
    ),
    ("reload-delay", "use `reload`"),
    ("reload-dir", "use `reload`, which watches imported modules"),
    ("reload-engine", "use `reload`"),
    ("reload-exclude", "use `reload`, which watches imported modules"),
    ("reload-extra-file", "use `reload`, which watches imported modules"),
    ("reload-extra-files", "use `reload`, which watches imported modules"),
    ("reload-include", "use `reload`, which watches imported modules"),
    ("reload-on-rss", "use `max-rss`"),
    ("reload-paths", "use `reload`, which watches imported modules"),
    ("respawn-failed-workers", "not needed: a worker process that ends is replaced"),
    ("reuse-port", "not needed: worker processes share the listening sockets"),
    ("root-path", "use `url-prefix`"),
    (
        "runtime-blocking-threads",
        "there is no event loop in Python: one thread in Rust does all input and output",
    ),
    (
        "runtime-mode",
        "there is no event loop in Python: one thread in Rust does all input and output",
    ),
    (
        "runtime-threads",
        "there is no event loop in Python: one thread in Rust does all input and output",
    ),
    ("secure-scheme-headers", "use `trusted-proxy` and `trusted-proxy-headers`"),
    ("sendfile", "not needed: files are always sent by the kernel"),
    ("server-header", "use `ident`"),
    ("spew", "use `slow-request`, which logs the stacks of slow requests"),
    ("ssl-ca-certs", "TLS is not supported: terminate it in a proxy"),
    ("ssl-certfile", "TLS is not supported: terminate it in a proxy"),
    ("ssl-certificate", "TLS is not supported: terminate it in a proxy"),
    ("ssl-keyfile", "TLS is not supported: terminate it in a proxy"),
    ("ssl-version", "TLS is not supported: terminate it in a proxy"),
    ("static-path-mount", "let the proxy or WhiteNoise serve static files"),
    ("statsd-host", "use `admin-listen`, which serves `/metrics` for Prometheus"),
    ("statsd-prefix", "use `admin-listen`, which serves `/metrics` for Prometheus"),
    ("suppress-ragged-eofs", "TLS is not supported: terminate it in a proxy"),
    ("syslog", "the log goes to standard error: the service manager passes it on"),
    ("syslog-addr", "the log goes to standard error: the service manager passes it on"),
    ("syslog-facility", "the log goes to standard error: the service manager passes it on"),
    ("syslog-prefix", "the log goes to standard error: the service manager passes it on"),
    ("timeout", "use `request-timeout` for requests, `worker-timeout` for interpreters that hang"),
    ("timeout-graceful-shutdown", "use `graceful-timeout`"),
    ("timeout-keep-alive", "use `keep-alive-timeout`"),
    ("tmp-upload-dir", "use `temp-dir`"),
    ("uds", "use `unix-socket`"),
    ("umask", "use `unix-socket-perms` for the permissions of Unix sockets"),
    ("url-path-prefix", "use `url-prefix`"),
    ("use-colors", "set `NO_COLOR` for no colours"),
    ("user", "set user and group in the service manager"),
    ("when-ready", "the supervisor runs no code of the application: use the service manager"),
    ("worker-abort", "not needed: the stacks of a process that hangs are logged"),
    ("worker-boot-timeout", "use `start-timeout`"),
    ("worker-class", "not needed: each worker process serves with threads, `threads` of them"),
    ("worker-connections", "use `connection-limit`"),
    ("worker-exit", "use `hooks`: a function for `worker-stop`"),
    ("worker-int", "not needed: the stacks of a process that hangs are logged"),
    ("worker-tmp-dir", "not needed: there is no heartbeat file"),
    ("workers-kill-timeout", "use `graceful-timeout`"),
    ("workers-lifetime", "use `max-requests` or `max-rss`"),
    ("workers-max-rss", "use `max-rss`"),
    ("working-dir", "use `chdir`"),
    ("ws", "only WSGI applications are served"),
];

/// One-letter flags of gunicorn, with their long names.
const LETTERS: &[(&str, &str)] = &[
    ("D", "daemon"),
    ("R", "enable-stdio-inheritance"),
    ("g", "group"),
    ("k", "worker-class"),
    ("m", "umask"),
    ("p", "pid"),
    ("t", "timeout"),
    ("u", "user"),
];

/// Options above that take no value, so that the argument after them is not taken for one.
const SWITCHES: &[&str] = &[
    "D",
    "R",
    "capture-output",
    "daemon",
    "disable-redirect-access-to-syslog",
    "do-handshake-on-connect",
    "enable-stdio-inheritance",
    "factory",
    "initgroups",
    "metrics",
    "no-access-log",
    "no-proxy-headers",
    "no-sendfile",
    "no-server-header",
    "no-use-colors",
    "proxy-headers",
    "proxy-protocol",
    "respawn-failed-workers",
    "reuse-port",
    "server-header",
    "spew",
    "suppress-ragged-eofs",
    "use-colors",
];

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_is_sorted_and_about_no_setting_of_ours() {
        assert!(ADVICE.is_sorted_by_key(|(name, _)| *name));
        for (name, _) in ADVICE {
            assert!(crate::find(name).is_none(), "{name}");
        }
    }

    #[test]
    fn advice_names_settings_that_exist() {
        for (name, advice) in ADVICE {
            let Some((_, rest)) = advice.split_once("use `") else { continue };
            let (setting, _) = rest.split_once('`').expect("a closing mark");
            let is_setting = crate::find(setting).is_some();
            assert!(
                is_setting || ["logging", "maitred config import"].contains(&setting),
                "{name}"
            );
        }
    }
}
