//! uWSGI's settings: the section `[uwsgi]` of an INI file, and what its options are called here.

use super::Entries;
use crate::raw_value::{Value, shortened};

/// uWSGI's name, and ours.
const NAMES: &[(&str, &str)] = &[
    ("buffer-size", "max-request-header-size"),
    ("chdir", "chdir"),
    ("chmod-socket", "unix-socket-perms"),
    ("harakiri", "request-timeout"),
    ("http", "listen"),
    ("http-socket", "listen"),
    ("listen", "backlog"),
    ("max-requests", "max-requests"),
    ("p", "workers"),
    ("pp", "python-path"),
    ("processes", "workers"),
    ("py-autoreload", "reload"),
    ("python-path", "python-path"),
    ("pythonpath", "python-path"),
    ("reload-on-rss", "max-rss"),
    ("threads", "threads"),
    ("worker-reload-mercy", "graceful-timeout"),
    ("workers", "workers"),
];

/// What has no counterpart, and why or what to do.
const ADVICE: &[(&str, &str)] = &[
    ("cheaper", "the number of worker processes is fixed"),
    ("daemonize", "the server stays in the foreground: run it under a service manager"),
    ("die-on-term", "not needed: SIGTERM drains"),
    ("enable-threads", "not needed: threads are always enabled"),
    ("env", "set the variables where the server is started"),
    ("gid", "set user and group in the service manager"),
    ("home", "run the `maitred` of that environment"),
    ("https", "TLS is not supported: terminate it in a proxy"),
    ("lazy-apps", "not needed: each worker imports the application, unless `preload` is set"),
    ("logto", "the log goes to standard error"),
    ("master", "not needed: there is a supervisor where one is useful"),
    ("max-worker-lifetime", "use `max-requests` or `max-rss`"),
    ("need-app", "not needed: without an application, the server does not start"),
    ("pidfile", "no pid file is written: run the server under a service manager"),
    ("plugin", "not needed: there are no plugins"),
    ("plugins", "not needed: there are no plugins"),
    ("post-buffering", "not needed: bodies are always buffered"),
    ("single-interpreter", "not needed: there is one interpreter in a process"),
    ("socket", "it speaks the uwsgi protocol: let the proxy speak HTTP, and set `listen`"),
    ("static-map", "let the proxy or WhiteNoise serve static files"),
    ("stats", "use `admin-listen`, which serves `/metrics` for Prometheus"),
    ("thunder-lock", "not needed: a request goes to a process that is free"),
    ("touch-reload", "use `maitred reload`"),
    ("uid", "set user and group in the service manager"),
    ("uwsgi-socket", "it speaks the uwsgi protocol: let the proxy speak HTTP, and set `listen`"),
    ("vacuum", "not needed: the file of a Unix socket is always removed"),
    ("venv", "run the `maitred` of that environment"),
    ("virtualenv", "run the `maitred` of that environment"),
];

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
    let (mut module, mut callable, mut listen) = (None, None, Vec::new());
    for (name, value) in options {
        let Value::Text(text) = value else { continue };
        if text.contains("%(") || text.contains("$(") {
            let (name, text) = (shortened(&name), shortened(&text));
            left_out.push(format!("`{name}` has a placeholder: `{text}`"));
            continue;
        }
        let ours = NAMES.iter().find(|(theirs, _)| *theirs == name).map(|(_, ours)| *ours);
        let advice = ADVICE.iter().find(|(theirs, _)| *theirs == name).map(|(_, advice)| *advice);
        match (name.as_str(), ours, advice) {
            ("module" | "wsgi" | "w", ..) => module = Some(text),
            ("wsgi-file" | "file", ..) => {
                let stem = text.trim_start_matches("./").trim_end_matches(".py");
                module = Some(stem.replace('/', "."));
            }
            ("callable", ..) => callable = Some(text),
            (_, Some("listen"), _) => listen.push(Value::Text(text)),
            // uWSGI counts megabytes.
            (_, Some("max-rss"), _) => {
                entries.push(("max-rss".into(), Value::Text(format!("{text}MiB"))));
            }
            (_, Some(ours), _) => entries.push((ours.to_owned(), Value::Text(text))),
            (_, None, Some(advice)) => left_out.push(format!("`{}`: {advice}", shortened(&name))),
            (_, None, None) => {
                left_out.push(format!("`{}` is not a setting of Maitred", shortened(&name)));
            }
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
    if !listen.is_empty() {
        entries.push(("listen".into(), Value::List(listen)));
    }
    entries
}
