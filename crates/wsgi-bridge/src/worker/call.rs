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

use super::reused_objects::ReusedObjects;
use crate::error_stream;
use crate::interpreter::{attach, traceback};
use crate::log::{Level, Raised};
use crate::request::environ::{Environs, RequestParts};
use crate::request::input::Input;
use crate::request::shared::ApplicationState;
use crate::response::{Failure, PendingResponse, iterable};

/// The state that a worker thread keeps between requests.
pub(crate) struct WorkerContext {
    application: Arc<ApplicationState>,
    environs: Environs,
    /// The objects for the application in this request. Between requests, those of the last one, if
    /// the application has kept none of them.
    objects: Option<ReusedObjects>,
}

/// The request that is being served, for the log.
struct Request<'a> {
    application: &'a ApplicationState,
    head: &'a RequestHead,
    request_id: Option<&'a str>,
    response: &'a PendingResponse,
}

impl WorkerContext {
    pub(crate) fn new(application: Arc<ApplicationState>) -> Self {
        Self { environs: Environs::new(Arc::clone(&application)), application, objects: None }
    }

    /// Answers one exchange.
    pub(crate) fn serve(&mut self, py: Python<'_>, exchange: Exchange) {
        let application = &*self.application;
        let objects = match &mut self.objects {
            Some(objects) => objects,
            none => match ReusedObjects::new(py, application) {
                Ok(objects) => none.insert(objects),
                Err(error) => return fail_early(py, application, exchange, &error),
            },
        };
        let Exchange { head, client, body, reply, queued_at: _, queued_for, request_id } = exchange;
        objects.begin(py, reply);
        let request = Request {
            application,
            head: &head,
            request_id: request_id.as_deref(),
            response: &objects.response,
        };
        let body_length = body.len();
        let result = Input::new(py, body).and_then(|input| {
            let parts = RequestParts {
                client: &client,
                body_length,
                seconds_in_queue: queued_for.as_secs_f64(),
                request_id: request.request_id,
                input: &input.object,
            };
            let environ = self.environs.build(py, &head, &parts, &objects.client_disconnected)?;
            let start_response = objects.start_response.bind(py);
            let callable = application.callable.bind(py);
            let called = attach::call_python(|| callable.call1((&environ, start_response)));
            drop(environ); // the application holds a reference if it still needs it
            request.respond(py, called);
            input.close()
        });
        if let Err(error) = result {
            request.raised(py, Stage::Call, &error);
        }
        self.keep_or_drop_objects(py);
        error_stream::finish_line(&*self.application.log);
    }

    /// Reuses the objects for the next request, unless the application has kept them.
    fn keep_or_drop_objects(&mut self, py: Python<'_>) {
        let are_free = |objects: &ReusedObjects| objects.are_free(py, self.environs.holds());
        if !(self.application.counts_references && self.objects.as_ref().is_some_and(are_free)) {
            self.objects = None;
            self.environs.stop_sharing();
        }
    }

    /// Fails the request whose handling panicked.
    pub(crate) fn recover(&mut self, py: Python<'_>) {
        if let Some(objects) = self.objects.take() {
            objects.response.fail(py, ApplicationFault::Dropped);
        }
        self.environs.stop_sharing();
        let text = "a worker thread panicked while serving a request: the request is lost, and the \
                    thread continues; this is a bug in Maitred";
        self.application.log.noted(Level::Error, text);
        error_stream::finish_line(&*self.application.log);
    }
}

/// Fails a request because the objects for the application could not be created.
fn fail_early(
    py: Python<'_>,
    application: &ApplicationState,
    mut exchange: Exchange,
    error: &PyErr,
) {
    application.log.noted(Level::Error, &format!("a request could not be served: {error}"));
    exchange.reply.fail(ApplicationFault::Dropped);
    application.drop_queue.drain(py);
}

impl Request<'_> {
    /// Sends the iterable that the application returned.
    fn respond(&self, py: Python<'_>, called: PyResult<Bound<'_, PyAny>>) {
        let iterable = match called {
            Ok(iterable) => iterable,
            Err(error) => return self.raised(py, Stage::Call, &error),
        };
        match iterable::send(py, self.response, &iterable) {
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
        self.response.end_child(py);
        let path = String::from_utf8_lossy(self.head.path());
        let text = format!("{fault}; the request was {} {path}", self.head.method());
        self.application.log.noted(Level::Error, &text);
        self.response.fail(py, fault);
    }

    /// Logs an exception, and abandons the response unless it has ended.
    fn raised(&self, py: Python<'_>, stage: Stage, error: &PyErr) {
        self.response.end_child(py);
        if self.response.is_client_gone(py) && error.is_instance_of::<PyBrokenPipeError>(py) {
            // The exception was raised by our write(), so it is not an error of the application.
            if self.response.finish(py, None).is_ok() {
                return;
            }
        }
        let traceback = attach::call_python(|| traceback::format_exception(py, error));
        self.application.log.raised(&Raised {
            stage,
            head: self.head,
            request_id: self.request_id,
            error,
            exception: &traceback::class_name(py, error),
            traceback: &traceback,
        });
        let detail = self.application.expose_tracebacks.then_some(traceback);
        self.response.fail(py, ApplicationFault::Raised { stage, detail });
    }
}

/// Calls `close()` if the object has it. Lists and tuples do not.
fn close(iterable: &Bound<'_, PyAny>) -> PyResult<()> {
    if iterable.is_exact_instance_of::<PyList>() || iterable.is_exact_instance_of::<PyTuple>() {
        return Ok(());
    }
    match attach::call_python(|| iterable.getattr_opt(intern!(iterable.py(), "close")))? {
        Some(close) => attach::call_python(|| close.call0()).map(drop),
        None => Ok(()),
    }
}
