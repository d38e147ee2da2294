//! The types that settings have once they are read, and how each is written as text.
//!
//! Every type is its own proof: a [`Settings`](crate::Settings) holds no text that still has to be
//! understood, so nothing that starts with it can fail over a setting's spelling.

mod choice;
mod endpoint;
mod host;
mod proxies;
pub(crate) mod quantity;

pub use choice::{
    AccessLogFormat, AccessLogTarget, ConnectionLimitAction, LogFormat, LogLevel, RequestId,
};
pub use endpoint::{Endpoint, HostName, Port};
pub(crate) use host::check_socket_path;
pub use proxies::{ProxyHeader, ProxyHeaders, TrustedProxies};
