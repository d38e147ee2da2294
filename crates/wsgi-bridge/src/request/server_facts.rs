//! The variables of the server that every environ contains.

use super::path_info::LeadingSlashes;
use crate::error_stream::ErrorOutput;

/// The variables of the server for the environ, from the settings of the same names.
#[derive(Clone, Debug)]
pub struct ServerVariables {
    /// The server's listeners; `Client::listener` is an index of this list.
    pub listeners: Vec<ListenerVariables>,
    /// `wsgi.url_scheme`, unless a trusted proxy reports another one.
    pub url_scheme: String,
    /// SCRIPT_NAME: empty, or with a leading slash and no trailing slash.
    pub url_prefix: String,
    /// What becomes of several slashes at the beginning of PATH_INFO.
    pub leading_slashes: LeadingSlashes,
    /// SERVER_SOFTWARE; not set if empty.
    pub ident: String,
    /// The number of threads; `wsgi.multithread` is true for more than one.
    pub threads: usize,
    /// Whether other processes may run the application at the same time.
    pub is_multiprocess: bool,
    /// Where `wsgi.errors` writes.
    pub error_output: ErrorOutput,
    /// Whether clients see the traceback of an exception.
    pub expose_tracebacks: bool,
    /// Names of the environ variables that the access log shows, in any case.
    pub logged_environ: Vec<String>,
}

/// The variables of a listener for the environ.
#[derive(Clone, Debug)]
pub struct ListenerVariables {
    /// SERVER_NAME.
    pub server_name: String,
    /// SERVER_PORT: the bound port, or the path of a Unix socket.
    pub server_port: String,
}
