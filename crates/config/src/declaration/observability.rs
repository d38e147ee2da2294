//! Declarations of the logging settings, and of what responses reveal.

use super::{Kind, Section, Setting};

const HERE: Setting = Setting::of(Section::Observability);

pub(crate) const ACCESS_LOG: Setting = Setting {
    name: "access-log",
    kind: Kind::Path,
    help: "File for the access log; `-` is standard output. If unset, there is no access log.",
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
    help: "Request paths, compared exactly, to leave out of the access log if the status is below \
           400.",
    example: "[\"/healthz\"]",
    ..HERE
};

pub(crate) const LOG_LEVEL: Setting = Setting {
    name: "log-level",
    kind: Kind::Choice(&["error", "warning", "info", "debug", "trace"]),
    default: Some("info"),
    help: "Minimum severity of log records: `error`, `warning`, `info`, `debug` or `trace`.",
    ..HERE
};

pub(crate) const LOG_FORMAT: Setting = Setting {
    name: "log-format",
    kind: Kind::Choice(&["text", "json"]),
    default: Some("text"),
    help: "`text` for people, or `json`: one object per line.",
    ..HERE
};

pub(crate) const LOG_SOCKET_ERRORS: Setting = Setting {
    name: "log-socket-errors",
    kind: Kind::Flag,
    default: Some("true"),
    help: "Log socket errors of connections, at level `debug`.",
    waitress: Some("log_socket_errors"),
    ..HERE
};

pub(crate) const EXPOSE_TRACEBACKS: Setting = Setting {
    name: "expose-tracebacks",
    kind: Kind::Flag,
    default: Some("false"),
    help: "Send the application's traceback to the client in a 500 response. For development only.",
    waitress: Some("expose_tracebacks"),
    ..HERE
};

pub(crate) const REQUEST_ID: Setting = Setting {
    name: "request-id",
    kind: Kind::Choice(&["off", "pass", "generate"]),
    default: Some("off"),
    help: "Source of `environ[\"maitred.request_id\"]` and of the request ID in logs: `pass` takes \
           `X-Request-ID` from a trusted proxy, `generate` also creates one if there is none.",
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
