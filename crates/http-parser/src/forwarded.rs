//! Who the client is, as told by proxies that are trusted.

/// What became of the fields that proxies add (`Forwarded`, `X-Forwarded-*`).
#[derive(Clone, Debug, Default)]
pub enum Forwarded {
    /// The peer is not a trusted proxy: its fields do not reach the application.
    #[default]
    Cleared,
    /// The peer is not a trusted proxy, and its fields are passed on unread.
    Untouched,
    /// A trusted proxy spoke: this is what it said.
    Trusted(Box<Told>),
}

/// What a trusted proxy said about the client, checked. What it did not say is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// REMOTE_ADDR and REMOTE_HOST.
    pub remote_addr: Option<String>,
    /// REMOTE_PORT.
    pub remote_port: Option<String>,
    /// `wsgi.url_scheme`: `http` or `https`.
    pub scheme: Option<&'static str>,
    /// SERVER_NAME.
    pub server_name: Option<String>,
    /// SERVER_PORT.
    pub server_port: Option<String>,
    /// HTTP_HOST.
    pub host: Option<String>,
    /// Forwarding fields as the application should see them: lower-case name and rewritten value.
    /// Those of the request that do not stand here are not passed on.
    pub fields: Vec<(&'static str, String)>,
}
