//! Declarations of the logging settings, and of what responses reveal.

use super::{Kind, Setting};
use crate::kinds::Words;
use crate::values::{LogFields, LogFormat, LogLevel, RequestId};

settings! {
    section Observability;

    ACCESS_LOG {
        name: "access-log",
        kind: Kind::Path,
        help: "File for the access log; `-` is standard output. If unset, there is no access log.",
        example: "\"-\"",
    }

    ACCESS_LOG_FORMAT {
        name: "access-log-format",
        kind: Kind::AccessLogFormat,
        default: Some("combined"),
        help: "`common`, `combined`, `console` (short lines with the local time, for a terminal), \
               `json`, or a pattern of fields such as `%(h)s %(r)s %(s)s`.",
    }

    ACCESS_LOG_QUERY {
        name: "access-log-query",
        kind: Kind::Flag,
        default: Some("true"),
        help: "Whether the access log has the queries of URLs, which may hold secrets.",
        since: "0.2",
    }

    ACCESS_LOG_EXCLUDE {
        name: "access-log-exclude",
        kind: Kind::UrlPaths,
        help: "Request paths, compared exactly, to leave out of the access log if the status is \
               below 400.",
        example: "[\"/healthz\"]",
    }

    LOG_LEVEL {
        name: "log-level",
        kind: Kind::Choice(Words::of::<LogLevel>()),
        default: Some("info"),
        help: "Minimum severity of log records: `error`, `warning`, `info`, `debug` or `trace`.",
    }

    LOG_FORMAT {
        name: "log-format",
        kind: Kind::Choice(Words::of::<LogFormat>()),
        default: Some("text"),
        help: "`text` for people, `console` for a terminal: short lines with the local time and \
               colours, or `json`: one object per line, for all that reaches standard error.",
    }

    LOG_FIELDS {
        name: "log-fields",
        kind: Kind::Choice(Words::of::<LogFields>()),
        default: Some("plain"),
        help: "Names of the fields in logs that are JSON: `plain`, `google` for Cloud Logging or \
               `ecs` for the Elastic Common Schema.",
        since: "0.2",
    }

    LOG_CONFIG {
        name: "log-config",
        kind: Kind::Path,
        help: "File with a dictionary for Python's `logging.config`, as TOML or JSON. It is applied \
               before the application is imported.",
        example: "\"logging.toml\"",
        since: "0.2",
    }

    LOG_SOCKET_ERRORS {
        name: "log-socket-errors",
        kind: Kind::Flag,
        default: Some("true"),
        help: "Log socket errors of connections, at level `debug`.",
        waitress: Some("log_socket_errors"),
    }

    EXPOSE_TRACEBACKS {
        name: "expose-tracebacks",
        kind: Kind::Flag,
        default: Some("false"),
        help: "Send the application's traceback to the client in a 500 response. For development \
               only.",
        waitress: Some("expose_tracebacks"),
    }

    REQUEST_ID {
        name: "request-id",
        kind: Kind::Choice(Words::of::<RequestId>()),
        default: Some("off"),
        help: "Source of `environ[\"maitred.request_id\"]` and of the request ID in logs: `pass` \
               takes `X-Request-ID` from a trusted proxy, `generate` also creates one if there is \
               none.",
    }
}
