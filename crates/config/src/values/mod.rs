//! The types of parsed settings, and their text forms.
//!
//! A [`Settings`](crate::Settings) holds no text that still has to be parsed, so code that uses it
//! cannot fail because of a setting's syntax.

mod access_log;
mod choice;
mod colours;
mod endpoint;
mod host;
mod memory;
mod proxies;
pub(crate) mod quantity;

pub use access_log::{AccessLogField, AccessLogFormat, AccessLogPiece, AccessLogTarget};
pub(crate) use choice::{Choice, MetricsByWorker, value_of};
pub use choice::{ConnectionLimitAction, LogFields, LogFormat, LogLevel, RequestId, SupervisorUse};
pub use colours::ColourUse;
pub use endpoint::{Endpoint, HostName, Port};
pub(crate) use host::{DEFAULT_PORT, check_socket_path};
pub use memory::MemoryLimit;
pub use proxies::{ProxyHeader, ProxyHeaders, TrustedProxies};
