//! The settings of Maitred: text in, [`Settings`] or problems out.
//!
//! The crate is pure. It opens no file and reads no environment; whoever calls it hands over what
//! was read, so that every rule can be tested without a process around it.

#![forbid(unsafe_code)]

mod settings;
mod values;

mod declaration;
mod foreign;
mod nearest;
mod reading;
mod value;

mod files;
mod invocation;
mod origin;
mod problem;
mod providers;

mod assembly;
mod combination;
mod load;
mod merge;

pub mod reference;
mod show;
mod written;

pub use declaration::{Effect, Empty, Kind, Reach, Section, Setting, Zero, find, settings};
pub use files::{Candidate, SettingsFile, candidates};
pub use invocation::{Command, Invocation, Shell, ShowFormat};
pub use load::{Loaded, Sources, load};
pub use origin::Origin;
pub use problem::{Colour, Note, Problem, Problems};
pub use settings::Settings;
pub use value::Value;
pub use values::{
    AccessLogFormat, AccessLogTarget, ConnectionLimitAction, Endpoint, HostName, LogFormat,
    LogLevel, Port, ProxyHeader, ProxyHeaders, RequestId, TrustedProxies,
};
