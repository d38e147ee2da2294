//! Serves one request: environ, call, iteration, `close()`, and the response if one of them raises.
//!
//! An exception from the application, including `SystemExit` and `KeyboardInterrupt`, affects only
//! its own request. `close()` is called exactly once on every path (PEP 3333, "Specification
//! Details").

use std::sync::Arc;

use maitred_http_parser::exchange::Exchange;
use maitred_http_parser::fault::Stage;
use maitred_http_parser::{ApplicationFault, RequestHead};
use pyo3::exceptions::PyBrokenPipeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use crate::answer::Answer;
use crate::core::Core;
use crate::environ::{Circumstances, Environs};
use crate::failure::Failure;
use crate::handles::Handles;
use crate::input::Input;
use crate::iterable;
use crate::log::{Level, Raised};
use crate::{attach, error_stream, traceback};

/// The state that a worker thread keeps between requests.
pub(crate) struct Desk {
    core: Arc<Core>,
    environs: Environs,
    /// The objects for the application in this request. Between requests, those of the last one, if
    /// the application has kept none of them.
    handles: Option<Handles>,
}

/// The request that is being served, for the log.
struct Request<'a> {
    core: &'a Core,
    head: &'a RequestHead,
    request_id: Option<&'a str>,
    answer: &'a Answer,
}

impl Desk {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self { environs: Environs::new(Arc::clone(&core)), core, handles: None }
    }

    /// Answers one exchange.
    pub(crate) fn serve(&mut self, py: Python<'_>, exchange: Exchange) {
        let core = &*self.core;
        let handles = match &mut self.handles {
            Some(handles) => handles,
            none => match Handles::new(py, core) {
                Ok(handles) => none.insert(handles),
                Err(error) => return fail_early(py, core, exchange, &error),
            },
        };
        let Exchange { head, client, body, reply, queued_at: _, queued_for, request_id } = exchange;
        handles.begin(py, reply);
        let request = Request {
            core,
            head: &head,
            request_id: request_id.as_deref(),
            answer: &handles.answer,
        };
        let body_length = body.len();
        let result = Input::new(py, body).and_then(|input| {
            let circumstances = Circumstances {
                client: &client,
                body_length,
                seconds_in_queue: queued_for.as_secs_f64(),
                request_id: request.request_id,
                input: &input.object,
            };
            let environ =
                self.environs.build(py, &head, &circumstances, &handles.client_disconnected)?;
            let start_response = handles.start_response.bind(py);
            let callable = core.callable.bind(py);
            let called = attach::in_python(|| callable.call1((&environ, start_response)));
            drop(environ); // the application holds a reference if it still needs it
            request.respond(py, called);
            input.close()
        });
        if let Err(error) = result {
            request.raised(py, Stage::Call, &error);
        }
        self.look_after_handles(py);
        error_stream::finish_line(&*self.core.log);
    }

    /// Reuses the objects for the next request, unless the application has kept them.
    fn look_after_handles(&mut self, py: Python<'_>) {
        let are_free = |handles: &Handles| handles.are_free(py, self.environs.holds());
        if !(self.core.counts_references && self.handles.as_ref().is_some_and(are_free)) {
            self.handles = None;
            self.environs.stop_sharing();
        }
    }

    /// Fails the request whose handling panicked.
    pub(crate) fn recover(&mut self, py: Python<'_>) {
        if let Some(handles) = self.handles.take() {
            handles.answer.fail(py, ApplicationFault::Dropped);
        }
        self.environs.stop_sharing();
        let text = "a worker thread panicked while serving a request: the request is lost, and the \
                    thread continues; this is a bug in Maitred";
        self.core.log.noted(Level::Error, text);
        error_stream::finish_line(&*self.core.log);
    }
}

/// Fails a request because the objects for the application could not be created.
fn fail_early(py: Python<'_>, core: &Core, mut exchange: Exchange, error: &PyErr) {
    core.log.noted(Level::Error, &format!("a request could not be served: {error}"));
    exchange.reply.fail(ApplicationFault::Dropped);
    core.graveyard.empty(py);
}

impl Request<'_> {
    /// Sends the iterable that the application returned.
    fn respond(&self, py: Python<'_>, called: PyResult<Bound<'_, PyAny>>) {
        let iterable = match called {
            Ok(iterable) => iterable,
            Err(error) => return self.raised(py, Stage::Call, &error),
        };
        match iterable::send(py, self.answer, &iterable) {
            Ok(()) => {}
            Err(Failure::Raised(error)) => self.raised(py, Stage::Iterate, &error),
            Err(Failure::Fault(fault)) => self.faulted(py, fault),
        }
        if let Err(error) = close(&iterable) {
            self.raised(py, Stage::Close, &error);
        }
    }

    /// Logs a fault without an exception, and abandons the response. The query is not logged, because
    /// it may contain secrets.
    fn faulted(&self, py: Python<'_>, fault: ApplicationFault) {
        self.answer.end_child(py);
        let path = String::from_utf8_lossy(self.head.path());
        let text = format!("{fault}; the request was {} {path}", self.head.method());
        self.core.log.noted(Level::Error, &text);
        self.answer.fail(py, fault);
    }

    /// Logs an exception, and abandons the response unless it has ended.
    fn raised(&self, py: Python<'_>, stage: Stage, error: &PyErr) {
        self.answer.end_child(py);
        if self.answer.is_client_gone(py) && error.is_instance_of::<PyBrokenPipeError>(py) {
            // The exception was raised by our write(), so it is not an error of the application.
            if self.answer.finish(py, None).is_ok() {
                return;
            }
        }
        let traceback = attach::in_python(|| traceback::format_exception(py, error));
        self.core.log.raised(&Raised {
            stage,
            head: self.head,
            request_id: self.request_id,
            error,
            exception: &traceback::class_name(py, error),
            traceback: &traceback,
        });
        let detail = self.core.expose_tracebacks.then_some(traceback);
        self.answer.fail(py, ApplicationFault::Raised { stage, detail });
    }
}

/// Calls `close()` if the object has it. Lists and tuples do not.
fn close(iterable: &Bound<'_, PyAny>) -> PyResult<()> {
    if iterable.is_exact_instance_of::<PyList>() || iterable.is_exact_instance_of::<PyTuple>() {
        return Ok(());
    }
    match attach::in_python(|| iterable.getattr_opt(intern!(iterable.py(), "close")))? {
        Some(close) => attach::in_python(|| close.call0()).map(drop),
        None => Ok(()),
    }
}
