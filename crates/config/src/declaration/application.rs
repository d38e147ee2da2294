//! What is served, and what the application is told about the server.

use super::{Empty, Kind, Section, Setting};

const HERE: Setting = Setting::of(Section::Application);

pub(crate) const APP: Setting = Setting {
    name: "app",
    kind: Kind::Application,
    help: "The application: `module:attribute`, or `module:factory()`. On the command line it may \
           also stand alone.",
    example: "\"project.wsgi:application\"",
    ..HERE
};

pub(crate) const CALL: Setting = Setting {
    name: "call",
    kind: Kind::Flag,
    default: Some("false"),
    help: "Call what `app` names, without arguments, to get the application.",
    ..HERE
};

pub(crate) const CHDIR: Setting = Setting {
    name: "chdir",
    kind: Kind::Path,
    help: "Folder to change to before the application is imported.",
    example: "\"/srv/project\"",
    ..HERE
};

pub(crate) const PYTHON_PATH: Setting = Setting {
    name: "python-path",
    kind: Kind::Paths,
    help: "Folders to import from before all others. The current folder is always importable.",
    example: "[\"/srv/project/lib\"]",
    ..HERE
};

pub(crate) const URL_SCHEME: Setting = Setting {
    name: "url-scheme",
    kind: Kind::Text(Empty::Refused),
    default: Some("http"),
    help: "`wsgi.url_scheme` when no trusted proxy says otherwise.",
    waitress: Some("url_scheme"),
    ..HERE
};

pub(crate) const URL_PREFIX: Setting = Setting {
    name: "url-prefix",
    kind: Kind::Prefix,
    default: Some(""),
    help: "`SCRIPT_NAME`: the path below which the application lives. It is taken off `PATH_INFO`.",
    waitress: Some("url_prefix"),
    ..HERE
};

pub(crate) const SERVER_NAME: Setting = Setting {
    name: "server-name",
    kind: Kind::Text(Empty::Refused),
    default: Some("maitred.invalid"),
    help: "`SERVER_NAME`, which the request's `Host` never changes.",
    waitress: Some("server_name"),
    ..HERE
};

pub(crate) const IDENT: Setting = Setting {
    name: "ident",
    kind: Kind::Text(Empty::Unset),
    default: Some("maitred"),
    help: "The `Server` field of responses and `SERVER_SOFTWARE`. Empty sends no such field.",
    waitress: Some("ident"),
    ..HERE
};

pub(crate) const TEMP_DIR: Setting = Setting {
    name: "temp-dir",
    kind: Kind::Path,
    help: "Folder for bodies that overflow memory; the system's when unset. It is tried at start.",
    example: "\"/var/tmp\"",
    ..HERE
};

pub(crate) const STRICT_ENV: Setting = Setting {
    name: "strict-env",
    kind: Kind::Flag,
    default: Some("false"),
    help: "Refuse to start when a `MAITRED_*` variable is unknown, rather than warn.",
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
