//! The state that the worker threads of an application share.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;

use crate::log::{Level, Log};
use crate::request::header_keys::KnownKeys;
use crate::request::server_facts::ServerVariables;
use crate::response::drop_queue::DropQueue;

/// The state that the worker threads share.
pub(crate) struct ApplicationState {
    pub(crate) callable: Py<PyAny>,
    /// What each worker makes its environ templates of.
    pub(crate) variables: ServerVariables,
    pub(crate) expose_tracebacks: bool,
    /// Names of the environ variables that the access log shows.
    pub(crate) logged_environ: Arc<[String]>,
    pub(crate) known_keys: KnownKeys,
    /// Names with an underscore that have been logged.
    pub(crate) dropped_names: Mutex<HashSet<Box<[u8]>>>,
    pub(crate) drop_queue: Arc<DropQueue>,
    pub(crate) log: Arc<dyn Log>,
}

/// The maximum number of dropped names that are logged, so that a client that invents names cannot
/// fill the log.
const LOGGED_NAMES: usize = 64;

/// The maximum length of a dropped name in the log and in memory.
const LOGGED_NAME_BYTES: usize = 64;

impl ApplicationState {
    /// A field was dropped because of the underscore in its name.
    pub(crate) fn field_dropped(&self, name: &[u8]) {
        let name = &name[..name.len().min(LOGGED_NAME_BYTES)];
        let is_new = {
            let mut names = self.dropped_names.lock().unwrap_or_else(PoisonError::into_inner);
            names.len() < LOGGED_NAMES && names.insert(name.into())
        };
        if is_new {
            let name = String::from_utf8_lossy(name); // a token: ASCII
            let text = format!(
                "dropped the request field `{name}`: its environ key would be that of the name \
                 with hyphens; let the client or the proxy send it with hyphens"
            );
            self.log.noted(Level::Warning, &text);
        }
    }
}
