//! The types that settings have once they are read, and how each is written as text.
//!
//! Every type is its own proof: a [`Settings`](crate::Settings) holds no text that still has to be
//! understood, so nothing that starts with it can fail over a setting's spelling.

mod choice;
mod endpoint;
mod proxies;

pub use choice::{
    AccessLogFormat, AccessLogTarget, ConnectionLimitAction, LogFormat, LogLevel, RequestId,
};
pub use endpoint::{Endpoint, HostName, Port};
pub use proxies::{ProxyHeader, ProxyHeaders, TrustedProxies};
