//! Declarations of the application settings: what is served, and the environ values that describe
//! the server.

use super::{Empty, Kind, Section, Setting};

const HERE: Setting = Setting::of(Section::Application);

pub(crate) const APP: Setting = Setting {
    name: "app",
    kind: Kind::Application,
    help: "The application: `module:attribute`, or `module:factory()`. On the command line, the \
           positional argument means the same.",
    example: "\"project.wsgi:application\"",
    ..HERE
};

pub(crate) const CALL: Setting = Setting {
    name: "call",
    kind: Kind::Flag,
    default: Some("false"),
    help: "Call the object that `app` names, without arguments; the application is what it \
           returns.",
    ..HERE
};

pub(crate) const CHDIR: Setting = Setting {
    name: "chdir",
    kind: Kind::Path,
    help: "Directory to change to before the application is imported.",
    example: "\"/srv/project\"",
    ..HERE
};

pub(crate) const PYTHON_PATH: Setting = Setting {
    name: "python-path",
    kind: Kind::Paths,
    help: "Directories to put at the front of `sys.path`. The current directory is always \
           importable.",
    example: "[\"/srv/project/lib\"]",
    ..HERE
};

pub(crate) const URL_SCHEME: Setting = Setting {
    name: "url-scheme",
    kind: Kind::Text(Empty::Refused),
    default: Some("http"),
    help: "`wsgi.url_scheme`, unless a trusted proxy reports another one.",
    waitress: Some("url_scheme"),
    ..HERE
};

pub(crate) const URL_PREFIX: Setting = Setting {
    name: "url-prefix",
    kind: Kind::Prefix,
    default: Some(""),
    help: "`SCRIPT_NAME`: the URL path under which the application is mounted. It is removed from \
           `PATH_INFO`.",
    waitress: Some("url_prefix"),
    ..HERE
};

pub(crate) const SERVER_NAME: Setting = Setting {
    name: "server-name",
    kind: Kind::Text(Empty::Refused),
    default: Some("maitred.invalid"),
    help: "`SERVER_NAME`. The `Host` field of a request does not change it.",
    waitress: Some("server_name"),
    ..HERE
};

pub(crate) const IDENT: Setting = Setting {
    name: "ident",
    kind: Kind::Text(Empty::Unset),
    default: Some("maitred"),
    help: "Value of the `Server` response field and of `SERVER_SOFTWARE`. If empty, neither is \
           set.",
    waitress: Some("ident"),
    ..HERE
};

pub(crate) const TEMP_DIR: Setting = Setting {
    name: "temp-dir",
    kind: Kind::Path,
    help: "Directory for bodies that do not fit in memory; the system's temporary directory if \
           unset. It is checked at startup.",
    example: "\"/var/tmp\"",
    ..HERE
};

pub(crate) const STRICT_ENV: Setting = Setting {
    name: "strict-env",
    kind: Kind::Flag,
    default: Some("false"),
    help: "Treat an unknown `MAITRED_*` variable as an error instead of a warning.",
    ..HERE
};

pub(super) const ALL: &[&Setting] = &[
    &APP,
    &CALL,
    &CHDIR,
    &PYTHON_PATH,
    &URL_SCHEME,
    &URL_PREFIX,
    &SERVER_NAME,
    &IDENT,
    &TEMP_DIR,
    &STRICT_ENV,
];
