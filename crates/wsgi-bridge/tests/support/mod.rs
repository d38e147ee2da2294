//! A server made of nothing but the seam: requests are text, responses are what a client would
//! receive, because the protocol's own machine writes them.

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

pub mod client;
pub mod log;
pub mod source;

use std::sync::Arc;

use maitred_http_parser::exchange::{Application, Body, Client, Peer, Worker};
use maitred_http_parser::forwarded::Forwarded;
use maitred_wsgi_bridge::{
    ErrorOutput, LeadingSlashes, ListenerVariables, Log, ServerVariables, WsgiApplication,
};
use pyo3::prelude::*;
use pyo3::types::PyDict;

pub use client::{Response, Wire};
pub use log::Recorded;
use source::Source;

/// The variables of the tests' server.
pub fn variables() -> ServerVariables {
    ServerVariables {
        listeners: vec![ListenerVariables {
            server_name: "maitred.invalid".to_owned(),
            server_port: "8080".to_owned(),
        }],
        url_scheme: "http".to_owned(),
        url_prefix: String::new(),
        leading_slashes: LeadingSlashes::Collapsed,
        ident: "maitred".to_owned(),
        threads: 4,
        is_multiprocess: false,
        error_output: ErrorOutput::Log,
        expose_tracebacks: false,
        logged_environ: Vec::new(),
    }
}

/// One worker thread that serves an application.
pub struct Server {
    pub source: Arc<Source>,
    pub log: Arc<Recorded>,
    pub worker: Box<dyn Worker>,
    pub application: WsgiApplication,
    globals: Py<PyDict>,
}

impl Server {
    /// Serves the `application` that `python` defines, in a thread that its `start_thread` starts,
    /// if there is one.
    pub fn new(python: &str) -> Self {
        Self::with_variables(python, variables())
    }

    pub fn with_variables(python: &str, variables: ServerVariables) -> Self {
        Python::initialize();
        let log = Arc::new(Recorded::default());
        let (application, globals) = Python::attach(|py| {
            let globals = PyDict::new(py);
            globals.set_item("__name__", "shop").unwrap();
            let code = std::ffi::CString::new(python).unwrap();
            py.run(&code, Some(&globals), None).unwrap_or_else(|error| {
                panic!("the test's application: {error}");
            });
            let callable = globals.get_item("application").unwrap().unwrap().unbind();
            let recorded: Arc<dyn Log> = Arc::<Recorded>::clone(&log);
            let starter = globals.get_item("start_thread").unwrap().map(Bound::unbind);
            let application = WsgiApplication::new(py, callable, &variables, recorded).unwrap();
            (application.with_thread_starter(starter), globals.unbind())
        });
        let source = Arc::new(Source::default());
        let exchanges: Arc<dyn maitred_http_parser::exchange::Exchanges> =
            Arc::<Source>::clone(&source);
        let worker = application.start_worker("maitred-1", exchanges).unwrap();
        Self { source, log, worker, application, globals }
    }

    /// What the client receives, once the worker is done with the request.
    pub fn request(&self, raw: impl AsRef<[u8]>) -> Response {
        self.ask(Wire::new(raw.as_ref()))
    }

    /// `GET path` of a client that speaks HTTP/1.1.
    pub fn get(&self, path: &str) -> Response {
        self.request(format!("GET {path} HTTP/1.1\r\nHost: shop.example\r\n\r\n"))
    }

    pub fn ask(&self, wire: Wire) -> Response {
        let response = self.begin(wire);
        self.source.wait_until_idle();
        response.take()
    }

    /// Another worker of the same application, which takes requests of its own.
    pub fn second_worker(&self) -> (Box<dyn Worker>, Arc<Source>) {
        let source = Arc::new(Source::default());
        let exchanges: Arc<dyn maitred_http_parser::exchange::Exchanges> =
            Arc::<Source>::clone(&source);
        (self.application.start_worker("maitred-2", exchanges).unwrap(), source)
    }

    /// Hands the request over and does not wait.
    pub fn begin(&self, wire: Wire) -> client::Pending {
        let (exchange, pending) = wire.into_exchange();
        self.source.push(exchange);
        pending
    }

    /// Gives a value a name in the application's module.
    pub fn define(&self, name: &str, value: impl FnOnce(Python<'_>) -> Py<PyAny>) {
        Python::attach(|py| self.globals.bind(py).set_item(name, value(py)).unwrap());
    }

    /// What a Python expression is, in the application's module.
    pub fn evaluate<T>(&self, expression: &str) -> T
    where
        T: for<'a, 'py> FromPyObject<'a, 'py, Error: std::fmt::Debug>,
    {
        Python::attach(|py| {
            let code = std::ffi::CString::new(expression).unwrap();
            let value = py.eval(&code, Some(self.globals.bind(py)), None).unwrap();
            value.extract::<T>().unwrap()
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.source.close();
    }
}

/// The peer that is nobody in particular.
pub fn client() -> Client {
    Client {
        peer: Arc::new(Peer::tcp("192.0.2.7:4711".parse().unwrap())),
        forwarded: Forwarded::Cleared,
        listener: 0,
    }
}

/// The body of the request, spooled to a file where it is wanted there.
pub fn spooled(bytes: &[u8]) -> Body {
    use std::io::{Seek, Write};
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    Body::File { file, length: bytes.len() as u64 }
}
