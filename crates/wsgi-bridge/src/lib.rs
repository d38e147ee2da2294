//! WSGI (PEP 3333) on top of [`maitred_http_parser::exchange`].
//!
//! A [`WsgiApplication`] is the Python side of that interface: it starts Python threads, which take
//! exchanges, call the application and pass its response to each exchange's reply. The crate does
//! not depend on sockets or settings. Its layers import only downwards:
//!
//! - `application` loads the callable and implements the interface;
//! - `worker` takes a request, calls the application, and reports what goes wrong;
//! - `request` builds what the application receives: `environ`, `input`;
//! - `response` takes what it returns: `start_response`, then `iterable` or `file_wrapper`;
//! - `interpreter` acquires and releases the interpreter's lock (`attach`), and knows how forks and
//!   the interpreter's end concern its threads;
//! - `error_stream` and `log` carry what the application reports.
//!
//! Nothing here relies on that lock for safety: every Python-visible class is frozen, its state is
//! behind mutexes and atomics, and only attached threads drop references to Python objects. So a
//! module that exports this may declare `gil_used = false`.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use maitred_http_parser::exchange::{Application, Exchanges, Worker};
//! use maitred_wsgi_bridge::application::load::{Kind, load};
//! use maitred_wsgi_bridge::{
//!     ErrorOutput, LeadingSlashes, ListenerVariables, Log, ServerVariables, WsgiApplication,
//! };
//! use pyo3::Python;
//!
//! fn serve(
//!     exchanges: Arc<dyn Exchanges>,
//!     log: Arc<dyn Log>,
//! ) -> Result<Box<dyn Worker>, Box<dyn std::error::Error>> {
//!     let variables = ServerVariables {
//!         listeners: vec![ListenerVariables {
//!             server_name: "shop.example".into(),
//!             server_port: "8080".into(),
//!         }],
//!         url_scheme: "http".into(),
//!         url_prefix: String::new(),
//!         leading_slashes: LeadingSlashes::Collapsed,
//!         ident: "maitred".into(),
//!         threads: 4,
//!         is_multiprocess: false,
//!         error_output: ErrorOutput::Log,
//!         expose_tracebacks: false,
//!         logged_environ: Vec::new(),
//!     };
//!     Python::initialize();
//!     let application = Python::attach(|py| {
//!         let callable = load(py, "shop.wsgi:application", Kind::Application)?;
//!         Ok::<_, Box<dyn std::error::Error>>(WsgiApplication::new(py, callable, &variables, log)?)
//!     })?;
//!     Ok(application.start_worker("maitred-1", exchanges)?)
//! }
//! ```

#![cfg_attr(
    not(test),
    warn(clippy::disallowed_methods, reason = "the server has one clock, and waits for facts")
)]

pub mod application;
mod error_stream;
pub mod interpreter;
pub mod log;
mod request;
mod response;
mod worker;

#[doc(hidden)]
pub mod bench_support;

pub use application::WsgiApplication;
pub use application::load::load;
pub use error_stream::{ErrorOutput, log_stream};
pub use log::Log;
pub use request::{LeadingSlashes, ListenerVariables, ServerVariables};
