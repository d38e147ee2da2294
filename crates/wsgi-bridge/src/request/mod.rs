//! What a WSGI application receives: the environ, and the objects in it.

pub(crate) mod client_disconnected;
pub(crate) mod environ;
pub(crate) mod header_keys;
pub(crate) mod input;
pub(crate) mod path_info;
mod repeated_fields;
mod server_facts;
pub(crate) mod shared;

pub use path_info::LeadingSlashes;
pub use server_facts::{ListenerVariables, ServerVariables};
