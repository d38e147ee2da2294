//! What the server tells about itself and its requests.

use super::{Kind, Section, Setting};

const HERE: Setting = Setting::of(Section::Observability);

pub(crate) const ACCESS_LOG: Setting = Setting {
    name: "access-log",
    kind: Kind::Path,
    help: "File for a line about each request; `-` is standard output. None is written when unset.",
    example: "\"-\"",
    ..HERE
};

pub(crate) const ACCESS_LOG_FORMAT: Setting = Setting {
    name: "access-log-format",
    kind: Kind::AccessLogFormat,
    default: Some("combined"),
    help: "`common`, `combined`, `json`, or a pattern of fields such as `%(h)s %(r)s %(s)s`.",
    ..HERE
};

pub(crate) const ACCESS_LOG_EXCLUDE: Setting = Setting {
    name: "access-log-exclude",
    kind: Kind::UrlPaths,
    help: "Paths left out of the access log when the status is below 400.",
    example: "[\"/healthz\"]",
    ..HERE
};

pub(crate) const LOG_LEVEL: Setting = Setting {
    name: "log-level",
    kind: Kind::Choice(&["error", "warning", "info", "debug", "trace"]),
    default: Some("info"),
    help: "The least severe record that is still logged: `error`, `warning`, `info`, `debug` or \
           `trace`.",
    ..HERE
};

pub(crate) const LOG_FORMAT: Setting = Setting {
    name: "log-format",
    kind: Kind::Choice(&["text", "json"]),
    default: Some("text"),
    help: "`text` for people, or `json`: one object a line.",
    ..HERE
};

pub(crate) const LOG_SOCKET_ERRORS: Setting = Setting {
    name: "log-socket-errors",
    kind: Kind::Flag,
    default: Some("true"),
    help: "Log connections that break.",
    waitress: Some("log_socket_errors"),
    ..HERE
};

pub(crate) const EXPOSE_TRACEBACKS: Setting = Setting {
    name: "expose-tracebacks",
    kind: Kind::Flag,
    default: Some("false"),
    help: "Show the application's traceback to the client in a 500 response. Never in production.",
    waitress: Some("expose_tracebacks"),
    ..HERE
};

pub(crate) const REQUEST_ID: Setting = Setting {
    name: "request-id",
    kind: Kind::Choice(&["off", "pass", "generate"]),
    default: Some("off"),
    help: "`environ[\"maitred.request_id\"]` and logs: `pass` takes `X-Request-ID` of a trusted \
           proxy, `generate` makes one up where there is none.",
    ..HERE
};

pub(super) const ALL: &[&Setting] = &[
    &ACCESS_LOG,
    &ACCESS_LOG_FORMAT,
    &ACCESS_LOG_EXCLUDE,
    &LOG_LEVEL,
    &LOG_FORMAT,
    &LOG_SOCKET_ERRORS,
    &EXPOSE_TRACEBACKS,
    &REQUEST_ID,
];
