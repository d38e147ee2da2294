//! Declarations of the application settings: what is served, and the environ values that describe
//! the server.

use super::{Kind, Setting};
use crate::kinds::{Empty, Line};

settings! {
    section Application;

    APP {
        name: "app",
        kind: Kind::Application,
        help: "The application: `module:attribute`, or `module:factory()`. On the command line, \
               the positional argument means the same.",
        example: "\"project.wsgi:application\"",
    }

    CALL {
        name: "call",
        kind: Kind::Flag,
        default: Some("false"),
        help: "Call the object that `app` names, without arguments; the application is what it \
               returns.",
    }

    CHDIR {
        name: "chdir",
        kind: Kind::Path,
        help: "Directory to change to before the application is imported.",
        example: "\"/srv/project\"",
    }

    PYTHON_PATH {
        name: "python-path",
        kind: Kind::Paths,
        help: "Directories to put at the front of `sys.path`. The current directory is always \
               importable.",
        example: "[\"/srv/project/lib\"]",
    }

    URL_SCHEME {
        name: "url-scheme",
        kind: Kind::Text(Line { empty: Empty::Refused }),
        default: Some("http"),
        help: "`wsgi.url_scheme`, unless a trusted proxy reports another one.",
        waitress: Some("url_scheme"),
    }

    URL_PREFIX {
        name: "url-prefix",
        kind: Kind::Prefix,
        default: Some(""),
        help: "`SCRIPT_NAME`: the URL path under which the application is mounted. It is removed \
               from `PATH_INFO`.",
        waitress: Some("url_prefix"),
    }

    COLLAPSE_LEADING_SLASHES {
        name: "collapse-leading-slashes",
        kind: Kind::Flag,
        default: Some("true"),
        help: "Make one slash of several at the beginning of `PATH_INFO`. An application that \
               redirects to its own path would send clients of `//host/` to another server. \
               `REQUEST_URI` keeps them.",
    }

    SERVER_NAME {
        name: "server-name",
        kind: Kind::Text(Line { empty: Empty::Refused }),
        default: Some("maitred.invalid"),
        help: "`SERVER_NAME`. The `Host` field of a request does not change it.",
        waitress: Some("server_name"),
    }

    IDENT {
        name: "ident",
        kind: Kind::Text(Line { empty: Empty::Unset }),
        default: Some("maitred"),
        help: "Value of the `Server` response field and of `SERVER_SOFTWARE`. If empty, neither is \
               set.",
        waitress: Some("ident"),
    }

    TEMP_DIR {
        name: "temp-dir",
        kind: Kind::Path,
        help: "Directory for bodies that do not fit in memory; the system's temporary directory if \
               unset. It is checked at startup.",
        example: "\"/var/tmp\"",
    }

    STRICT_ENV {
        name: "strict-env",
        kind: Kind::Flag,
        default: Some("false"),
        help: "Treat an unknown `MAITRED_*` variable as an error instead of a warning.",
    }
}
