//! The settings of Maitred: text in, [`Settings`] or problems out.
//!
//! The crate is pure. It opens no file and reads no environment; whoever calls it hands over what
//! was read, so that every rule can be tested without a process around it.

#![forbid(unsafe_code)]

mod settings;
mod values;

pub use settings::Settings;
pub use values::{
    AccessLogFormat, AccessLogTarget, ConnectionLimitAction, Endpoint, HostName, LogFormat,
    LogLevel, Port, ProxyHeader, ProxyHeaders, RequestId, TrustedProxies,
};
