//! What an environ tells about the server, whoever asks.

/// What the environ tells about the server, as the settings of the same names have it.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The server's listeners, in its own order: `Client::listener` is an index of this list.
    pub listeners: Vec<ListenerFacts>,
    /// `wsgi.url_scheme`, where no trusted proxy says otherwise.
    pub url_scheme: String,
    /// SCRIPT_NAME: empty, or with a leading slash and without one at the end.
    pub url_prefix: String,
    /// SERVER_SOFTWARE; where it is empty, there is none.
    pub ident: String,
    /// How many threads run the application: `wsgi.multithread` when more than one.
    pub threads: usize,
    /// How many processes do: `wsgi.multiprocess` when more than one.
    pub workers: usize,
    /// Whether clients are shown the traceback of an exception.
    pub expose_tracebacks: bool,
}

/// What the environ tells about one listener.
#[derive(Clone, Debug)]
pub struct ListenerFacts {
    /// SERVER_NAME.
    pub server_name: String,
    /// SERVER_PORT: the bound port, or the path of a Unix socket.
    pub server_port: String,
}
