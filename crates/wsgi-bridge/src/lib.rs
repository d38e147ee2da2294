//! WSGI (PEP 3333) on top of [`maitred_http_parser::exchange`].
//!
//! A [`WsgiApplication`] is the Python side of that interface: it starts Python threads, which take
//! exchanges, call the application and pass its response to each exchange's reply. The crate does
//! not depend on sockets or settings. In the order in which a request passes through them: `worker`
//! takes it, `serve` builds the `environ` and `input`, the application calls `start_response`, and
//! `iterable` or `file_wrapper` turn the return value into chunks for `answer`. `attach` acquires
//! and releases the interpreter's lock.
//!
//! Nothing here relies on that lock for safety: every Python-visible class is frozen, its state is
//! behind mutexes and atomics, and only attached threads drop references to Python objects. So a
//! module that exports this may declare `gil_used = false`.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use maitred_http_parser::exchange::{Application, Exchanges, Worker};
//! use maitred_wsgi_bridge::load::{Kind, load};
//! use maitred_wsgi_bridge::{Facts, ListenerFacts, Log, WsgiApplication};
//! use pyo3::Python;
//!
//! fn serve(
//!     exchanges: Arc<dyn Exchanges>,
//!     log: Arc<dyn Log>,
//! ) -> Result<Box<dyn Worker>, Box<dyn std::error::Error>> {
//!     let facts = Facts {
//!         listeners: vec![ListenerFacts {
//!             server_name: "shop.example".into(),
//!             server_port: "8080".into(),
//!         }],
//!         url_scheme: "http".into(),
//!         url_prefix: String::new(),
//!         ident: "maitred".into(),
//!         threads: 4,
//!         workers: 1,
//!         expose_tracebacks: false,
//!     };
//!     Python::initialize();
//!     let application = Python::attach(|py| {
//!         let callable = load(py, "shop.wsgi:application", Kind::Application)?;
//!         Ok::<_, Box<dyn std::error::Error>>(WsgiApplication::new(py, callable, &facts, log)?)
//!     })?;
//!     Ok(application.start_worker("maitred-1", exchanges)?)
//! }
//! ```

mod answer;
mod application;
pub mod at_exit;
mod attach;
mod core;
mod descriptor;
mod environ;
mod error_stream;
mod facts;
mod failure;
mod field_names;
mod file_wrapper;
mod fork;
mod handles;
mod held_bytes;
mod input;
mod iterable;
mod latin1;
pub mod left_behind;
pub mod load;
pub mod log;
#[doc(hidden)]
pub mod measure;
mod path_info;
mod presence;
mod serve;
mod signature;
mod sole_owner;
mod start_response;
mod traceback;
mod visits;
mod worker;

pub use application::WsgiApplication;
pub use facts::{Facts, ListenerFacts};
pub use load::load;
pub use log::Log;
