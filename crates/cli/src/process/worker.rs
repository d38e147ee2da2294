//! A worker process, from its first line to its exit: what the program of `launch.rs` calls.
//!
//! It imports the application, or was forked from the process that has (`mold.rs`), tells the supervisor, gets the listening sockets, and serves until
//! the supervisor stops it. Signals from outside do little: the supervisor decides.

use std::sync::atomic::{AtomicBool, Ordering};

use maitred_config::Loaded;
use maitred_server::supervisor::worker::{Welcome, WorkerControl};
use maitred_server::system::held_signals;
use maitred_server::{Listeners, Membership, Running};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::engine::hooks::{StopHooks, WorkerIdentity};
use crate::engine::{self, StartError, StartedServer, hooks, import};
use crate::logging::{self, owned_process};
use crate::process::exit_status::ExitStatus;
use crate::process::pulse::Pulse;
use crate::process::serve::NotServed;
use crate::process::signals::{Replaced, Scope, SignalTarget, Signals};
use crate::process::sources::SourceTexts;
use crate::process::supervisor_options::recycling;
use crate::process::wait::ServerEnd;
use crate::process::{exit, file_limit, wait};

/// How much more readily the kernel kills a worker than the supervisor when memory runs out, and the most
/// that the kernel knows.
const OOM_SCORE: i32 = 100;
const OOM_SCORE_MAX: i32 = 1000;

/// Whether this process is a worker.
static IS_WORKER: AtomicBool = AtomicBool::new(false);

/// Whether this process is a worker of a supervisor.
pub(crate) fn is_worker() -> bool {
    IS_WORKER.load(Ordering::Relaxed)
}

/// Where a worker has the application from.
pub(super) enum Source {
    /// It imports it, and in development reports its code to this.
    Import { reporter: Option<Py<PyAny>> },
    /// It was imported before the fork.
    Preloaded(Py<PyAny>),
}

/// Runs a worker, with its end of the control socket, the sources of its settings, and in development
/// the pipe on which it reports its code. Returns the exit status.
#[pyfunction]
#[pyo3(signature = (control, sources, report, /))]
pub(crate) fn work(
    py: Python<'_>,
    control: i32,
    sources: &str,
    report: Option<i32>,
) -> PyResult<i32> {
    let control = WorkerControl::attach(control)?;
    let (loaded, signals) = begin(py, sources, Scope::Worker)?;
    let reporter = report.map(|report| reporter(py, report)).transpose()?;
    serve(py, loaded, &control, signals, Source::Import { reporter })
}

/// What a process of a supervisor begins with, before it runs code of the application.
pub(super) fn begin(
    py: Python<'_>,
    sources: &str,
    scope: Scope,
) -> PyResult<(Loaded, Option<Signals>)> {
    IS_WORKER.store(true, Ordering::Relaxed);
    // Where it cannot be set, as outside Linux, the kernel chooses.
    let _ = die_before_the_supervisor();
    let foreign = || PyRuntimeError::new_err("only the supervisor starts worker processes");
    let sources = serde_json::from_str(sources).map_err(|_| foreign())?;
    let sources = SourceTexts::from_json(&sources).ok_or_else(foreign)?;
    let loaded = maitred_config::load(sources.sources()).map_err(|_| foreign())?;
    owned_process::adopt(py, (&loaded.settings.observability).into())?;
    let signals = Signals::install(py, scope, Replaced::All)?;
    held_signals::take()?;
    exit::prepare(py, &loaded.settings)?;
    maitred_server::return_freed_memory();
    Ok((loaded, signals))
}

/// Has the kernel rather kill this process than the supervisor, whose score it has inherited, when memory
/// runs out.
#[expect(clippy::disallowed_methods, reason = "a file of the kernel is no settings file")]
fn die_before_the_supervisor() -> std::io::Result<()> {
    let file = "/proc/self/oom_score_adj";
    let inherited: i32 = std::fs::read_to_string(file)?.trim().parse().unwrap_or(0);
    let score = inherited.saturating_add(OOM_SCORE).min(OOM_SCORE_MAX);
    std::fs::write(file, score.to_string())
}

/// Serves as a worker until the supervisor stops it. Returns the exit status.
pub(super) fn serve(
    py: Python<'_>,
    loaded: Loaded,
    control: &WorkerControl,
    signals: Option<Signals>,
    source: Source,
) -> PyResult<i32> {
    file_limit::raise(py)?;
    let welcome = py.detach(|| control.welcome());
    let started = match welcome {
        Ok(Welcome { membership, pad }) => {
            let place = membership.place.clone();
            logging::learn_worker_number(place.number());
            start(py, loaded, membership, control, source)
                .and_then(|started| Ok((started, Pulse::start(py, place, pad)?)))
        }
        Err(error) => Err(StartError::Failed(error.to_string()).into()),
    };
    let result = match started {
        Ok((started, _pulse)) => serve_until_stopped(py, started, control, signals.as_ref()),
        Err(error) => {
            control.cannot_start();
            error.report()
        }
    };
    if let Some(signals) = &signals {
        signals.ending(py);
    }
    let status = result.as_ref().map_or(ExitStatus::Failed, |exit| *exit).status();
    exit::begin(py, status)?;
    result.map(ExitStatus::status)
}

/// What reports the code of the application on this pipe.
fn reporter(py: Python<'_>, report: i32) -> PyResult<Py<PyAny>> {
    let reporter = py.import("maitred._code_report")?.getattr("Reporter")?;
    Ok(reporter.call1((report,))?.unbind())
}

/// Refuses a `max-rss` that every process exceeds that has imported the application: workers would be
/// replaced again and again.
fn fits_max_rss(loaded: &Loaded) -> Result<(), StartError> {
    let recycling = recycling(&loaded.settings.processes);
    let Some(resident) = recycling.outgrown() else { return Ok(()) };
    let mebibytes = |bytes: u64| bytes.div_ceil(1 << 20);
    let origin = loaded.origin("max-rss").map(ToString::to_string).unwrap_or_default();
    Err(StartError::Failed(format!(
        "`max-rss` is {} MiB, and a worker process has {} MiB before its first request ({origin})",
        recycling.max_rss >> 20,
        mebibytes(resident)
    )))
}

/// Gets the application.
fn application(py: Python<'_>, loaded: &Loaded, source: Source) -> Result<Py<PyAny>, NotServed> {
    let reporter = match source {
        Source::Preloaded(application) => return Ok(application),
        Source::Import { reporter } => reporter,
    };
    let imported = import::load(py, loaded);
    if let Some(reporter) = reporter {
        match &imported {
            Ok(_) => reporter.call_method0(py, "begin")?,
            Err(error) => reporter.call_method1(py, "failed", (error.raised.as_ref(),))?,
        };
    }
    let application = imported.map_err(|error| NotServed::Import(error.failure))?;
    owned_process::application_imported(py)?;
    Ok(application)
}

/// Gets application and listeners, and starts to serve.
fn start(
    py: Python<'_>,
    loaded: Loaded,
    membership: Membership,
    control: &WorkerControl,
    source: Source,
) -> Result<StartedServer, NotServed> {
    let identity =
        WorkerIdentity { number: membership.place.number(), generation: membership.generation };
    let load = |py: Python<'_>, loaded: &Loaded| {
        let application = application(py, loaded, source)?;
        fits_max_rss(loaded)?;
        hooks::worker_starts(py, identity).map_err(|error| NotServed::Import(error.failure))?;
        Ok(application)
    };
    let listeners = |py: Python<'_>| {
        let sockets = py.detach(|| control.imported());
        let failed = |error: String| StartError::Failed(error);
        let sockets =
            sockets.map_err(|error| failed(format!("cannot take the addresses: {error}")))?;
        let listeners = Listeners::from_supervisor(sockets);
        listeners.map_err(|error| failed(error.to_string()).into())
    };
    engine::start_worker(py, loaded, membership, load, listeners)
}

fn serve_until_stopped(
    py: Python<'_>,
    started: StartedServer,
    control: &WorkerControl,
    signals: Option<&Signals>,
) -> PyResult<ExitStatus> {
    control.serves(started.running().clone(), exit::stop_has_begun);
    let target = WorkerTarget { running: started.running().clone(), control: control.clone() };
    let end = wait::until_stopped_by(py, started.running(), signals, target);
    let hooks = started.end(py)?;
    Ok(match (end?, hooks) {
        (ServerEnd::Stopped, StopHooks::Done) if !control.is_orphan() => ExitStatus::Done,
        (ServerEnd::Stopped | ServerEnd::Failed, _) => ExitStatus::Failed,
    })
}

/// What signals do to a worker.
struct WorkerTarget {
    running: Running,
    control: WorkerControl,
}

impl SignalTarget for WorkerTarget {
    fn drain(&self) {
        if self.control.is_orphan() {
            self.running.drain();
        } else {
            self.control.ask_to_end();
        }
    }

    /// No signal cuts off the requests of a worker: it is asked for again.
    fn kill(&self) {
        if self.control.is_orphan() {
            self.running.kill();
        } else {
            self.control.ask_to_end();
        }
    }

    fn interrupt_wait(&self) {
        self.running.interrupt_wait();
    }

    fn reopen_logs(&self) {
        self.running.reopen_logs();
    }
}
