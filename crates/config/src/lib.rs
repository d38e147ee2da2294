//! The settings of Maitred: text in, [`Settings`] or [`Problems`] out.
//!
//! The crate is pure. It opens no file and reads no environment; the caller passes in their
//! contents, so every rule can be tested without a process.
//!
//! Each setting is declared once, in `declaration`. A layer (`providers`) holds the values of one
//! source: a file, the environment, the command line, the keywords of a call. Layers are parsed
//! according to the declarations, merged, checked against each other, and assembled into
//! [`Settings`]. All problems are collected and reported together.
//!
//! ```
//! use maitred_config::{Invocation, Origin, Sources, load};
//!
//! let loaded = load(Sources {
//!     environment: vec![("MAITRED_THREADS".into(), "8".into())],
//!     invocation: Some(Invocation::parse(["--listen=*:8000", "shop.wsgi:application"])),
//!     ..Sources::default()
//! })?;
//! assert_eq!(loaded.settings.limits.threads, 8);
//! assert_eq!(loaded.settings.network.listen[0].to_string(), "*:8000");
//! assert_eq!(loaded.origin("threads"), Some(&Origin::Variable("MAITRED_THREADS".into())));
//! # Ok::<(), maitred_config::Problems>(())
//! ```

#![forbid(unsafe_code)]
#![warn(clippy::disallowed_methods)]

mod settings;
mod values;

mod declaration;
mod kinds;
mod other_servers;
pub mod path_text;
mod raw_value;
mod suggestion;

mod development;
mod files;
mod invocation;
mod origin;
mod problem;
mod providers;

mod assembly;
mod conflicts;
mod load;
mod logging_file;
mod merge;
mod one_process;
mod running_server;
mod system;

mod import;
pub mod reference;
mod show;
mod to_toml;

pub use declaration::{Change, Effect, Reach, Section, Setting, find, settings};
pub use development::Purpose;
pub use files::{Candidate, SettingsFile, candidates};
pub use import::{Imported, import, import_command_line, import_gunicorn};
pub use invocation::{Checks, Command, Invocation, Probe, Shell, ShowFormat, command_meant_by};
pub use kinds::{Count, CountOrAuto, Empty, Kind, Line, Period, Size, SizeOrShare, Words, Zero};
pub use load::{Found, FoundApplication, Loaded, Sources, load, log_format, unnamed_application};
pub use logging_file::LoggingFile;
pub use origin::Origin;
pub use problem::{Colour, Problem, Problems, Warning};
pub use raw_value::Value;
pub use running_server::running_server;
pub use settings::{
    ApplicationSettings, LimitSettings, NetworkSettings, ObservabilitySettings, ProcessSettings,
    ProxySettings, Settings, TimeoutSettings,
};
pub use system::{Gil, Packing, System};
pub use values::{
    AccessLogField, AccessLogFormat, AccessLogPiece, AccessLogTarget, ColourUse,
    ConnectionLimitAction, Endpoint, HostName, LogFields, LogFormat, LogLevel, MemoryLimit, Port,
    ProxyHeader, ProxyHeaders, RequestId, SupervisorUse, TrustedProxies,
};
