//! Serves one request: environ, call, iteration, `close()`, and the response if one of them raises.
//!
//! An exception from the application, including `SystemExit` and `KeyboardInterrupt`, affects only
//! its own request. `close()` is called exactly once on every path (PEP 3333, "Specification
//! Details").

use std::panic::{AssertUnwindSafe, catch_unwind};
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
use crate::interpreter::fork::{self, Process};
use crate::interpreter::{attach, traceback};
use crate::log::{Level, Raised};
use crate::request::environ::{Environs, RequestParts};
use crate::request::input::Input;
use crate::request::shared::ApplicationState;
use crate::response::sent_file::{FileOwner, Sent, SentFile, SentFiles};
use crate::response::{Failure, PendingResponse, iterable};

/// The state that a worker thread keeps between requests.
pub(crate) struct WorkerContext {
    application: Arc<ApplicationState>,
    /// The files of this worker that the server has sent.
    files: Arc<SentFiles>,
    process: Process,
    environs: Environs,
    /// The objects for the application in this request. Between requests, those of the last one, if
    /// the application has kept none of them.
    objects: Option<ReusedObjects>,
}

/// The request that is being served.
struct Request<'a> {
    application: &'a ApplicationState,
    files: &'a Arc<SentFiles>,
    head: &'a Arc<RequestHead>,
    request_id: Option<&'a Arc<str>>,
    response: &'a PendingResponse,
}

impl WorkerContext {
    pub(crate) fn new(application: Arc<ApplicationState>, files: Arc<SentFiles>) -> Self {
        let environs = Environs::new(Arc::clone(&application));
        Self { application, files, process: Process::current(), environs, objects: None }
    }

    /// Answers one exchange.
    pub(crate) fn serve(&mut self, py: Python<'_>, exchange: Exchange) {
        let application = &*self.application;
        let objects = match &mut self.objects {
            Some(objects) => objects,
            none => match ReusedObjects::new(py, application) {
                Ok(objects) => none.insert(objects),
                Err(error) => return fail_early(application, exchange, &error),
            },
        };
        let Exchange { head, client, body, reply, queued_at: _, queued_for, request_id } = exchange;
        objects.begin(py, reply);
        let request = Request {
            application,
            files: &self.files,
            head: &head,
            request_id: request_id.as_ref(),
            response: &objects.response,
        };
        let body_length = body.len();
        let call = || {
            let input = Input::new(py, body)?;
            let parts = RequestParts {
                client: &client,
                body_length,
                seconds_in_queue: queued_for.as_secs_f64(),
                request_id: request_id.as_deref(),
                input: &input.object,
            };
            let environ = self.environs.build(py, &head, &parts, &objects.client_disconnected)?;
            request.response.logged_environ.watch(py, &environ);
            let start_response = objects.start_response.bind(py);
            let callable = application.callable.bind(py);
            let called = attach::call_python(|| callable.call1((&environ, start_response)));
            drop(environ); // the application holds a reference if it still needs it
            request.respond(py, called);
            input.close()
        };
        if let Err(error) = call() {
            request.raised(py, Stage::Call, &error);
        }
        self.keep_or_drop_objects(py);
        error_stream::finish_lines(&*self.application.log);
    }

    /// Reuses the objects for the next request, unless the application has kept them.
    fn keep_or_drop_objects(&mut self, py: Python<'_>) {
        let are_free = |objects: &ReusedObjects| objects.are_free(py, self.environs.holds());
        if !self.objects.as_ref().is_some_and(are_free) {
            self.objects = None;
            self.environs.stop_sharing();
        }
    }

    /// Closes the files of this worker that the server has sent since, and those of workers that
    /// cannot, and releases what else it has left.
    #[inline]
    pub(crate) fn close_sent_files(&self, py: Python<'_>) {
        if !self.files.is_empty() || !self.application.drop_queue.is_empty() {
            self.close_all_sent_files(py);
        }
    }

    #[cold]
    fn close_all_sent_files(&self, py: Python<'_>) {
        for file in self.files.take().into_iter().chain(self.application.drop_queue.drain(py)) {
            // A panic concerns neither the other files nor the request that the worker serves next.
            let closed = catch_unwind(AssertUnwindSafe(|| self.close_sent_file(py, &file)));
            if closed.is_err() {
                let path = String::from_utf8_lossy(file.head.path());
                self.panicked(&format!("closing the file of {} {path}", file.head.method()));
            }
            error_stream::finish_lines(&*self.application.log);
            if self.process.is_parent() {
                fork::end_child(py);
            }
        }
    }

    fn close_sent_file(&self, py: Python<'_>, file: &SentFile) {
        if let Err(error) = close(file.wrapper.bind(py)) {
            let request_id = file.request_id.as_deref();
            log_exception(py, &self.application, &file.head, request_id, Stage::Close, &error);
        }
    }

    /// Fails the request whose handling panicked.
    pub(crate) fn recover(&mut self, py: Python<'_>) {
        if let Some(objects) = self.objects.take() {
            objects.response.fail(py, ApplicationFault::Dropped);
        }
        self.environs.stop_sharing();
        self.panicked("serving a request, which is lost");
        error_stream::finish_lines(&*self.application.log);
    }

    /// Logs a panic. That of an extension module that is written in Rust comes through Python as an
    /// exception, and goes on as a panic.
    fn panicked(&self, occupation: &str) {
        let text = format!(
            "a worker thread panicked while {occupation}; the thread continues; this is a bug in \
             Maitred, or in an extension module that the application calls"
        );
        self.application.log.noted(Level::Error, &text);
    }
}

/// Fails a request because the objects for the application could not be created.
fn fail_early(application: &ApplicationState, mut exchange: Exchange, error: &PyErr) {
    application.log.noted(Level::Error, &format!("a request could not be served: {error}"));
    exchange.reply.fail(ApplicationFault::Dropped);
}

impl Request<'_> {
    /// Sends the iterable that the application returned.
    fn respond(&self, py: Python<'_>, called: PyResult<Bound<'_, PyAny>>) {
        let iterable = match called {
            Ok(iterable) => iterable,
            Err(error) => return self.raised(py, Stage::Call, &error),
        };
        match iterable::send(py, self.response, &iterable, |wrapper| self.own(wrapper)) {
            Ok(Sent::AsFile) => return,
            Ok(Sent::Whole) => {}
            Err(Failure::Raised(error)) => self.raised(py, Stage::Iterate, &error),
            Err(Failure::Fault(fault)) => self.faulted(py, fault),
        }
        if let Err(error) = close(&iterable) {
            self.raised(py, Stage::Close, &error);
        }
    }

    /// The owner of a file that the server sends.
    fn own(&self, wrapper: Py<PyAny>) -> FileOwner {
        let (head, request_id) = (Arc::clone(self.head), self.request_id.cloned());
        self.files.own(SentFile { wrapper, head, request_id })
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
        let request_id = self.request_id.map(|id| &**id);
        let traceback = log_exception(py, self.application, self.head, request_id, stage, error);
        let detail = self.application.expose_tracebacks.then_some(traceback);
        self.response.fail(py, ApplicationFault::Raised { stage, detail });
    }
}

/// Logs an exception, and returns its traceback.
fn log_exception(
    py: Python<'_>,
    application: &ApplicationState,
    head: &RequestHead,
    request_id: Option<&str>,
    stage: Stage,
    error: &PyErr,
) -> String {
    let traceback = attach::call_python(|| traceback::format_exception(py, error));
    let exception = traceback::class_name(py, error);
    let (exception, traceback_text) = (&*exception, &*traceback);
    let raised = Raised { stage, head, request_id, error, exception, traceback: traceback_text };
    attach::call_python(|| application.log.raised(&raised));
    traceback
}

/// Calls `close()` if the object has it. Lists and tuples do not.
fn close(iterable: &Bound<'_, PyAny>) -> PyResult<()> {
    if iterable.is_exact_instance_of::<PyList>() || iterable.is_exact_instance_of::<PyTuple>() {
        return Ok(());
    }
    match attach::call_python(|| iterable.getattr_opt(intern!(iterable.py(), "close")))? {
        Some(close) if !close.is_none() => attach::call_python(|| close.call0()).map(drop),
        _ => Ok(()),
    }
}
