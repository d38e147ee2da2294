//! Worker threads: Python threads that stay attached for their whole life.
//!
//! They are started through `threading.Thread`, so that they have a name in the application's logs,
//! a persistent `threading.local`, and support for `threading.settrace`, which debuggers and
//! profilers use; or by a function of the program, which does the same (`ThreadStarter`). After a request, a worker takes the next one without releasing the interpreter's
//! lock; it releases the lock and waits only if the queue is empty.

mod call;
mod housekeeping;
mod reused_objects;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use maitred_http_parser::exchange::{Exchanges, StackUnavailable, Wake, Worker};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use self::call::WorkerContext;
use self::housekeeping::Housekeeping;
use crate::interpreter::fork::{self, Process};
use crate::interpreter::{attach, threads, traceback};
use crate::request::shared::ApplicationState;
use crate::response::sent_file::SentFiles;

/// A Python callable that starts a worker thread: it is called with a callable without parameters,
/// which the thread has to call. The thread must be a daemon, because the server itself waits for
/// its workers.
pub(crate) type ThreadStarter = Py<PyAny>;

/// Starts a thread that serves from `exchanges` until they are closed.
pub(crate) fn start(
    py: Python<'_>,
    name: &str,
    starter: Option<&ThreadStarter>,
    application: Arc<ApplicationState>,
    exchanges: Arc<dyn Exchanges>,
) -> PyResult<WorkerThread> {
    let (ident, is_finished) = (Arc::default(), Arc::new(AtomicBool::new(false)));
    let drop_queue = Arc::clone(&application.drop_queue);
    let files = Arc::new(SentFiles::new(drop_queue, Arc::clone(&exchanges)));
    let target = Target {
        application,
        exchanges,
        files: Arc::clone(&files),
        ident: Arc::clone(&ident),
        is_finished: Arc::clone(&is_finished),
    };
    let target = Bound::new(py, target)?;
    match starter {
        Some(starter) => drop(starter.call1(py, (target,))?),
        None => start_thread(py, name, &target)?,
    }
    Ok(WorkerThread { ident, is_finished, files, asked: Arc::default() })
}

fn start_thread(py: Python<'_>, name: &str, target: &Bound<'_, Target>) -> PyResult<()> {
    let arguments = PyDict::new(py);
    arguments.set_item("name", name)?;
    arguments.set_item("target", target)?;
    arguments.set_item("daemon", true)?;
    let thread = py.import("threading")?.getattr("Thread")?.call((), Some(&arguments))?;
    thread.call_method0("start").map(drop)
}

/// The main function of the thread.
#[pyclass(frozen, module = "maitred", name = "worker")]
struct Target {
    application: Arc<ApplicationState>,
    exchanges: Arc<dyn Exchanges>,
    files: Arc<SentFiles>,
    ident: Arc<OnceLock<u64>>,
    is_finished: Arc<AtomicBool>,
}

#[pymethods]
impl Target {
    fn __call__(&self, py: Python<'_>) -> PyResult<()> {
        let mut finished = Finished { target: self, was_dismissed: false };
        let registered = threads::register(py)?;
        self.ident.get_or_init(|| registered.ident());
        self.serve_all(py);
        finished.was_dismissed = true;
        Ok(())
    }
}

impl Target {
    fn serve_all(&self, py: Python<'_>) {
        let Self { application, exchanges, files, .. } = self;
        application.log.thread_started();
        let process = Process::current();
        let mut context = WorkerContext::new(Arc::clone(application), Arc::clone(files));
        let mut housekeeping = Housekeeping::new(py, application, exchanges);
        loop {
            if threads::is_exiting() {
                attach::yield_gil(py); // for ever
            }
            if let Some(exchange) = exchanges.try_next() {
                context.close_sent_files(py); // their responses were complete before this request came
                if catch_unwind(AssertUnwindSafe(|| context.serve(py, exchange))).is_err() {
                    context.recover(py);
                }
                if process.is_parent() {
                    fork::end_child(py);
                }
                context.close_sent_files(py);
                if exchanges.should_yield() {
                    attach::yield_gil(py);
                    housekeeping.look_at_gil(py);
                }
                continue;
            }
            housekeeping.look_at_gil(py);
            match attach::detached(py, || exchanges.wait()) {
                Wake::Work => {}
                Wake::Housekeeping => {
                    context.close_sent_files(py);
                    housekeeping.release_objects(py);
                }
                Wake::Closed => {
                    context.close_sent_files(py);
                    return;
                }
            }
        }
    }
}

/// Reports the end of the thread, in whatever way it ends; and if it ended unexpectedly, that its
/// place is free.
struct Finished<'a> {
    target: &'a Target,
    was_dismissed: bool,
}

impl Drop for Finished<'_> {
    fn drop(&mut self) {
        if !self.was_dismissed {
            self.target.exchanges.thread_ended();
        }
        self.target.files.leave_to_others();
        self.target.is_finished.store(true, Ordering::Release);
    }
}

/// A started worker thread.
pub(crate) struct WorkerThread {
    /// `threading.get_ident()`, once the thread runs.
    ident: Arc<OnceLock<u64>>,
    is_finished: Arc<AtomicBool>,
    files: Arc<SentFiles>,
    /// The request for its stack that waits for the interpreter.
    asked: Arc<Mutex<Option<Arc<StackRequest>>>>,
}

/// A request for the stack of a worker. Whoever asks while one waits gets the same answer.
#[derive(Default)]
struct StackRequest {
    answer: Mutex<Option<Result<String, StackUnavailable>>>,
    answered: Condvar,
}

impl StackRequest {
    fn give(&self, answer: Result<String, StackUnavailable>) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
        self.answered.notify_all();
    }

    fn wait(&self, patience: Duration) -> Result<String, StackUnavailable> {
        let answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.answered.wait_timeout_while(answer, patience, |answer| answer.is_none());
        let (answer, _) = waited.unwrap_or_else(PoisonError::into_inner);
        answer.clone().unwrap_or(Err(StackUnavailable::Busy))
    }
}

impl WorkerThread {
    /// Asks for the stack of the thread `ident`, unless somebody has done so and waits.
    fn ask(&self, ident: u64) -> io::Result<Arc<StackRequest>> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(request) = &*asked {
            return Ok(Arc::clone(request));
        }
        let request = Arc::<StackRequest>::default();
        let (to_answer, waiting) = (Arc::clone(&request), Arc::clone(&self.asked));
        // A separate thread waits for the interpreter, because that wait has no timeout.
        std::thread::Builder::new().name("maitred-stack".to_owned()).spawn(move || {
            let stack = attach::try_attached(|py| traceback::format_stack(py, ident));
            *waiting.lock().unwrap_or_else(PoisonError::into_inner) = None;
            to_answer.give(match stack {
                Some(Ok(Some(stack))) => Ok(stack),
                _ => Err(StackUnavailable::NotRunning),
            });
        })?;
        *asked = Some(Arc::clone(&request));
        Ok(request)
    }
}

impl Worker for WorkerThread {
    fn is_finished(&self) -> bool {
        self.is_finished.load(Ordering::Acquire)
    }

    fn timed_out(&self) {
        self.files.leave_to_others();
    }

    fn stack(&self, patience: Duration) -> Result<String, StackUnavailable> {
        let Some(ident) = self.ident.get().copied().filter(|_| !self.is_finished()) else {
            return Err(StackUnavailable::NotRunning);
        };
        let request = self.ask(ident).map_err(|_| StackUnavailable::Busy)?;
        request.wait(patience)
    }
}
