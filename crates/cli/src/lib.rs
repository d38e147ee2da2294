//! The composition root: the native module of the Python package `maitred`, and its command line.
//!
//! It is the only crate that depends on all the others. It reads arguments, the environment and
//! settings files, connects the WSGI application to the server, and turns errors into messages and
//! an exit status.

#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    warn(clippy::disallowed_methods, reason = "the server has one clock, and waits for facts")
)]

mod command;
mod process;
mod python;

mod engine;
mod logging;

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

    #[cfg(unix)]
    #[pymodule_export]
    use crate::process::mold::preload;

    #[cfg(unix)]
    #[pymodule_export]
    use crate::process::worker::work;

    #[pymodule_export]
    use crate::python::create_server::{create_server, serve};

    #[pymodule_export]
    use crate::python::server::Server;

    #[pymodule_export]
    use crate::python::application::{check_application, import_application};

    #[pymodule_export]
    use crate::python::keywords::read_settings;

    #[pymodule_export]
    use crate::python::proxy_headers::believe_proxies;

    /// Adds the version, and registers our exit handler before the program registers its own. Exit
    /// handlers run in reverse order, so the program's handlers can still stop a server gracefully.
    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        // As PEP 440 spells the version of a development build, and maturin that of the wheel.
        module.add("__version__", env!("CARGO_PKG_VERSION").replace("-dev.", ".dev"))?;
        maitred_wsgi_bridge::interpreter::exit::watch(module.py())
    }
}
