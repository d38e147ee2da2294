//! What Python programs call: `maitred.serve()`, `maitred.create_server()`, and the functions that
//! the compatibility modules of the package are made of.

mod addresses;
pub(crate) mod application;
mod bind_error;
pub(crate) mod create_server;
pub(crate) mod keywords;
mod loggers;
pub(crate) mod proxy_headers;
pub(crate) mod server;
