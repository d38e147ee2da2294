//! uWSGI's settings: the section `[uwsgi]` of an INI file, and what its options are called here.

use super::Entries;
use crate::raw_value::{Value, shortened};

/// uWSGI's name, and ours.
const NAMES: &[(&str, &str)] = &[
    ("b", "max-request-header-size"),
    ("buffer-size", "max-request-header-size"),
    ("chdir", "chdir"),
    ("chmod-socket", "unix-socket-perms"),
    ("evil-reload-on-rss", "max-rss"),
    ("harakiri", "request-timeout"),
    ("http", "listen"),
    ("http-socket", "listen"),
    ("http-timeout", "channel-timeout"),
    ("http11-socket", "listen"),
    ("l", "backlog"),
    ("limit-post", "max-request-body-size"),
    ("listen", "backlog"),
    ("max-requests", "max-requests"),
    ("p", "workers"),
    ("pp", "python-path"),
    ("processes", "workers"),
    ("py-autoreload", "reload"),
    ("python-path", "python-path"),
    ("pythonpath", "python-path"),
    ("reload-mercy", "graceful-timeout"),
    ("reload-on-rss", "max-rss"),
    ("socket-timeout", "channel-timeout"),
    ("threads", "threads"),
    ("worker-reload-mercy", "graceful-timeout"),
    ("workers", "workers"),
];

/// Options that name the application together.
const APPLICATION: [&str; 6] = ["module", "wsgi", "w", "wsgi-file", "file", "callable"];

/// Options with which a process serves several requests at a time without threads.
const WITHOUT_THREADS: [&str; 3] = ["async", "asyncio", "gevent"];

const TLS: &str = "TLS is not supported: terminate it in a proxy";
const SERVICE_MANAGER: &str = "the server stays in the foreground: run it under a service manager";
const PID_FILE: &str = "no pid file is written: run the server under a service manager";
const USER: &str = "set user and group in the service manager";
const UWSGI_PROTOCOL: &str =
    "it speaks the uwsgi protocol: let the proxy speak HTTP, and set `listen`";
const ENVIRONMENT: &str = "run the `maitred` of that environment";
const STATIC: &str = "let the proxy or WhiteNoise serve static files";
const METRICS: &str = "use `admin-listen`, which serves `/metrics` for Prometheus";
const ACCESS_LOG: &str = "use `access-log` and `access-log-format`";
const PROGRAM: &str = "use a separate program";
const ANOTHER_FILE: &str = "that file was not read: its settings are missing here";
const PREFIX: &str = "use `url-prefix`";
const NAME: &str = "set the name in the service manager";
const FIXED_NUMBER: &str = "the number of worker processes is fixed";

/// What has no counterpart, and why or what to do. A name that ends in `*` is the beginning of others.
const ADVICE: &[(&str, &str)] = &[
    ("H", ENVIRONMENT),
    ("add-header", "let the application or the proxy add response fields"),
    ("attach-daemon*", PROGRAM),
    ("auto-procname", NAME),
    ("cache2", PROGRAM),
    ("chdir2", "use `chdir`, which is before the import"),
    ("cheaper*", FIXED_NUMBER),
    ("check-static", STATIC),
    ("chown-socket", "the file of a Unix socket belongs to the user and group of the server"),
    ("cron*", PROGRAM),
    ("daemonize*", SERVICE_MANAGER),
    ("die-on-term", "not needed: SIGTERM drains"),
    ("disable-logging", "there is no access log unless `access-log` is set"),
    ("emperor*", "one service for each application"),
    ("enable-threads", "not needed: threads of the application always run"),
    ("env", "set the variables where the server is started"),
    ("exec-*", PROGRAM),
    ("gevent*", "not needed: each worker process serves with threads, `threads` of them"),
    ("gid", USER),
    ("harakiri-verbose", "not needed: the stack of a request that takes too long is logged"),
    ("home", ENVIRONMENT),
    ("hook-*", "use `hooks`"),
    ("http-auto-chunked", "not needed: a response without a length is chunked"),
    ("http-chunked-input", "not needed: chunked bodies are read"),
    ("http-keepalive", "not needed: connections are kept for `keep-alive-timeout`"),
    ("http-processes", "not needed: one thread in Rust does all input and output"),
    ("https*", TLS),
    ("ignore-sigpipe", "not needed: a client that has left is no error"),
    ("ignore-write-errors", "not needed: a client that has left is no error"),
    ("include", ANOTHER_FILE),
    ("inherit*", ANOTHER_FILE),
    ("ini", ANOTHER_FILE),
    ("lazy", "not needed: each worker imports the application, unless `preload` is set"),
    ("lazy-apps", "not needed: each worker imports the application, unless `preload` is set"),
    ("log-date", "not needed: each line has its time"),
    ("log-encoder", "use `log-format` and `access-log-format`, which may be `json`"),
    ("log-format", ACCESS_LOG),
    ("log-master", "not needed: one process writes the log"),
    ("log-x-forwarded-for", "use `trusted-proxy` and `trusted-proxy-headers`"),
    ("logdate", "not needed: each line has its time"),
    ("logformat", ACCESS_LOG),
    ("logger", "the log goes to standard error"),
    ("logto*", "the log goes to standard error"),
    ("manage-script-name", PREFIX),
    ("master", "not needed: there is a supervisor where one is useful"),
    ("max-requests-delta", "use `max-requests-jitter`"),
    ("max-worker-lifetime*", "use `max-requests` or `max-rss`"),
    ("mount", PREFIX),
    ("mule*", PROGRAM),
    ("need-app", "not needed: without an application, the server does not start"),
    ("offload-threads", "not needed: files and responses are sent without a thread"),
    ("pidfile*", PID_FILE),
    ("plugin*", "not needed: there are no plugins"),
    ("post-buffering*", "not needed: bodies are always buffered"),
    ("procname*", NAME),
    ("reload-on-as", "use `max-rss`"),
    ("req-logger", ACCESS_LOG),
    ("route*", "let the proxy or the application route requests"),
    ("s", UWSGI_PROTOCOL),
    ("safe-pidfile*", PID_FILE),
    ("single-interpreter", "not needed: there is one interpreter in a process"),
    ("smart-attach-daemon*", PROGRAM),
    ("socket", UWSGI_PROTOCOL),
    ("spooler*", PROGRAM),
    ("static-*", STATIC),
    ("stats*", METRICS),
    ("strict", "not needed: an unknown setting is always an error"),
    ("thunder-lock", "not needed: a request goes to a process that is free"),
    ("touch-*", "use `maitred reload`"),
    ("uid", USER),
    ("umask", "use `unix-socket-perms` for the permissions of Unix sockets"),
    ("uwsgi-socket", UWSGI_PROTOCOL),
    ("vacuum", "not needed: the file of a Unix socket is always removed"),
    ("venv", ENVIRONMENT),
    ("virtualenv", ENVIRONMENT),
    ("websocket*", PROGRAM),
];

/// What to do instead of an option.
fn advice(name: &str) -> Option<&'static str> {
    let is_it = |known: &str| match known.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => known == name,
    };
    ADVICE.iter().find(|(known, _)| is_it(known)).map(|(_, advice)| *advice)
}

/// The options of `[uwsgi]`, in order; an option may be given several times. `None` if there is no
/// such section.
pub(super) fn section(text: &str) -> Option<Entries> {
    let mut options: Option<Entries> = None;
    let mut is_inside = false;
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if line.starts_with('[') {
            is_inside = line == "[uwsgi]";
            if is_inside {
                options.get_or_insert_default();
            }
        } else if let (true, Some(options)) = (is_inside, options.as_mut()) {
            let (name, value) = line.split_once('=').unwrap_or((line, "true"));
            options.push((name.trim().replace('_', "-"), Value::Text(value.trim().into())));
        }
    }
    options
}

/// The entries with our names.
pub(super) fn renamed(options: Entries, left_out: &mut Vec<String>) -> Entries {
    let mut entries = Entries::new();
    let (mut module, mut callable) = (None, None);
    let (mut listen, mut folders) = (Vec::new(), Vec::new());
    let is_of_threads = !options
        .iter()
        .any(|(name, _)| WITHOUT_THREADS.contains(&name.as_str()) || name == "threads");
    for (name, value) in options {
        let Value::Text(text) = value else { continue };
        let ours = NAMES.iter().find(|(theirs, _)| *theirs == name).map(|(_, ours)| *ours);
        if ours.is_none() && !APPLICATION.contains(&name.as_str()) {
            left_out.push(match advice(&name) {
                Some(advice) => format!("`{}`: {advice}", shortened(&name)),
                None => format!("`{}` is not a setting of Maitred", shortened(&name)),
            });
            continue;
        }
        if ours == Some("workers") && text == "%k" {
            left_out.push(format!("nothing, but `{name}` was `%k`: `auto` is one for each CPU"));
            entries.push(("workers".into(), Value::Text("auto".into())));
            continue;
        }
        let Some(text) = without_placeholders(&text) else {
            let (name, text) = (shortened(&name), shortened(&text));
            left_out.push(format!("`{name}` has a placeholder: `{text}`"));
            continue;
        };
        match (ours, name.as_str()) {
            (Some("listen"), _) => listen.push(Value::Text(address(text))),
            (Some("python-path"), _) => folders.push(Value::Text(text)),
            (Some(ours), _) => entries.push((ours.to_owned(), Value::Text(translated(ours, text)))),
            (None, "callable") => callable = Some(text),
            (None, "wsgi-file" | "file") => {
                let stem = text.trim_start_matches("./").trim_end_matches(".py");
                module = Some(stem.replace('/', "."));
            }
            (None, _) => module = Some(text),
        }
    }
    if let Some(module) = module {
        let app = match (module.contains(':'), callable) {
            (true, _) => module,
            (false, Some(callable)) => format!("{module}:{callable}"),
            (false, None) => format!("{module}:application"),
        };
        entries.push(("app".into(), Value::Text(app)));
    }
    for (name, values) in [("listen", listen), ("python-path", folders)] {
        if !values.is_empty() {
            entries.push((name.into(), Value::List(values)));
        }
    }
    if is_of_threads {
        entries.push(super::one_thread(left_out));
    }
    entries
}

/// The text with `%%` as `%`; `None` if uWSGI would put something else in: `%d`, `%(name)`, `$(NAME)`,
/// `@(file)`.
fn without_placeholders(text: &str) -> Option<String> {
    if text.contains("$(") || text.contains("@(") {
        return None;
    }
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        plain.push(character);
        if character == '%' && characters.next() != Some('%') {
            return None;
        }
    }
    Some(plain)
}

/// An address to listen on: that of a Unix socket is a path.
fn address(text: String) -> String {
    if text.contains('/') { format!("unix:{text}") } else { text }
}

/// A value in our words.
fn translated(ours: &str, text: String) -> String {
    match (ours, text.as_str()) {
        // uWSGI counts megabytes.
        ("max-rss", _) => format!("{text}MiB"),
        // An option without a value, which is 666; and seconds between two looks.
        ("unix-socket-perms", "true") => "666".into(),
        ("reload", seconds) if seconds.parse::<u64>().is_ok() => (seconds != "0").to_string(),
        _ => text,
    }
}
