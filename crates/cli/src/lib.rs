//! The composition root: the native module of the Python package `maitred`, and its command line.
//!
//! It is the only crate that depends on all the others. It reads arguments, the environment and
//! settings files, connects the WSGI application to the server, and turns errors into messages and
//! an exit status.

#![forbid(unsafe_code)]

mod command;
mod exit;
mod output;
mod sources;
mod telemetry;

mod check;
mod leaving;
mod load;
mod serve;

mod addresses;
mod create_server;
mod keywords;
mod proxy_headers;
mod python_socket;

mod announcement;
mod application;
mod interpreter;
mod logging;
mod service_manager;
mod signals;
mod waiting;

use pyo3::prelude::*;

/// The native module.
///
/// `gil_used = false`: no Rust state here or below is protected by the interpreter's lock. What
/// threads share is behind mutexes, atomics and channels, every `#[pyclass]` is frozen and `Sync`
/// (the compiler checks it), and Python objects are only touched through attached threads.
#[pymodule(gil_used = false)]
mod _native {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::command::{main, run};

    #[pymodule_export]
    use crate::create_server::{Server, create_server, serve};

    #[pymodule_export]
    use crate::keywords::read_settings;

    #[pymodule_export]
    use crate::proxy_headers::believe_proxies;

    /// Adds the version, and registers our exit handler before the program registers its own. Exit
    /// handlers run in reverse order, so the program's handlers can still stop a server gracefully.
    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        // As PEP 440 spells the version of a development build, and maturin that of the wheel.
        module.add("__version__", env!("CARGO_PKG_VERSION").replace("-dev.", ".dev"))?;
        maitred_wsgi_bridge::interpreter::exit::watch(module.py())
    }
}
