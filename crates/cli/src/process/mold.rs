//! The process that imports the application once, with `preload`, and from which the workers are forked
//! (a *mold*): what the program of `launch.rs` calls.
//!
//! It starts no thread and no server. The collector rests while the application is imported, and then
//! takes everything that exists out of its sight (`gc.freeze`), so that the pages stay shared. Handlers of
//! `os.register_at_fork` run as in any fork. It has no end of its own: the supervisor kills it, or it
//! exits without exit handlers, which belong to the workers.

use maitred_config::Loaded;
use maitred_server::supervisor::mold::{ForkOrder, MoldControl, MoldTask};
use maitred_server::system::child::exit_now;
use maitred_server::system::detached_fork::ForkSide;
use maitred_wsgi_bridge::interpreter::fork;
use pyo3::prelude::*;

use crate::engine::gil;
use crate::engine::import::{self, ImportError};
use crate::logging::{self, owned_process};
use crate::process::exit_status::ExitStatus;
use crate::process::signals::{Replaced, Scope, Signals};
use crate::process::worker::{self, Source};

/// Imports the application, and forks workers until the supervisor ends. Returns in each of them, when it
/// has served, with its exit status.
#[pyfunction]
#[pyo3(signature = (control, sources, /))]
pub(crate) fn preload(py: Python<'_>, control: i32, sources: &str) -> PyResult<i32> {
    let mut control = MoldControl::attach(control)?;
    let (loaded, mut signals) = worker::begin(py, sources, Scope::Mold)?;
    logging::receive(loaded.settings.observability.log_level.into());
    logging::write_at_once();
    let mold = py.import("maitred._preload")?;
    let collector = mold.call_method0("pause_collector")?;
    let application = match load(py, &loaded) {
        Ok(application) => application,
        Err(error) => {
            error.failure.print();
            control.cannot_start();
            mold.call_method0("flush")?;
            exit_now(ExitStatus::Failed.status());
        }
    };
    // From now on, only workers are forked: nothing interrupts them until they have their own.
    signals.iter_mut().for_each(Signals::stay_in_children);
    mold.call_method0("freeze")?;
    warn_of_threads(&mold)?;
    control.imported();
    loop {
        match py.detach(|| control.next_task()) {
            MoldTask::End => exit_now(ExitStatus::Done.status()),
            MoldTask::Attend => {
                if let Err(error) = py.check_signals() {
                    // Raised by a handler of the application.
                    error.write_unraisable(py, None);
                    exit_now(ExitStatus::Failed.status());
                }
            }
            MoldTask::Fork(order) => {
                // What is buffered would be written by each of the processes.
                mold.call_method0("flush")?;
                match fork_worker(py, &control, &order) {
                    Ok(ForkSide::Original) => {}
                    Ok(ForkSide::New) => {
                        let arguments = (collector, order.number);
                        mold.call_method1("become_worker", arguments)?;
                        let control = control.into_worker(order)?;
                        drop(signals);
                        let signals = Signals::install(py, Scope::Worker, Replaced::Defaults)?;
                        let source = Source::Preloaded(application);
                        return worker::serve(py, loaded, &control, signals, source);
                    }
                    Err(error) => control.fork_failed(order.serial(), &error),
                }
            }
        }
    }
}

fn load(py: Python<'_>, loaded: &Loaded) -> Result<Py<PyAny>, ImportError> {
    let had_gil = gil::is_enabled(py).map_err(|error| error.to_string())?;
    let application = import::load(py, loaded)?;
    if !had_gil && gil::is_enabled(py).map_err(|error| error.to_string())? {
        gil::log_enabled(py); // to a worker that is forked, it is no news
    }
    owned_process::application_imported(py).map_err(|error| error.to_string())?;
    Ok(application)
}

fn fork_worker(
    py: Python<'_>,
    control: &MoldControl,
    order: &ForkOrder,
) -> std::io::Result<ForkSide> {
    fork::with_hooks(py, || control.fork(order), |side| *side == ForkSide::New)
}

/// Warns of the threads that the application, or a library of it, has started: workers do not have them.
fn warn_of_threads(mold: &Bound<'_, PyAny>) -> PyResult<()> {
    let threads: Vec<String> = mold.call_method0("threads")?.extract()?;
    if !threads.is_empty() {
        tracing::warn!(
            target: "maitred",
            "`preload`: threads were started while the application was imported, which workers do not \
             have: {}. Start them in a `worker-start` hook, or serve without `preload`",
            threads.join(", ")
        );
    }
    Ok(())
}
