//! Ends the process in time, with the intended status, whatever threads, pipes or children do.
//!
//! Two things can keep a process from ending after the server has stopped. Python waits at exit for
//! every thread of the application that is not a daemon. And a thread that blocks in C, or that
//! catches every exception, cannot be ended: if it returns to Python while the interpreter is
//! finalizing, CPython before 3.14 ends it in a way that aborts the process (see
//! `interpreter/threads.rs` of `maitred-wsgi-bridge`), so a server that stopped gracefully would end
//! with SIGABRT. So, if such threads remain, the last exit handler calls `os._exit`; and from the
//! first signal on, a thread of its own counts the time that a stop may take, and ends the process
//! when it is over. That thread waits for nothing that may have failed: not for the interpreter, a
//! lock, or the log.
//!
//! A finalizing interpreter takes its signal handlers away, and what they handled ends the process by
//! default. So the last exit handler also makes the process ignore what would have stopped it: it is
//! ending, and in time.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{OnceLock, mpsc};
use std::time::Duration;

use maitred_config::Settings;
use maitred_server::{GIVES_UP_WITHIN, end_process};
use maitred_wsgi_bridge::interpreter::threads::remaining_workers;
use pyo3::prelude::*;

use crate::logging;

/// The status is not set yet.
const UNKNOWN: i32 = -1;

static STATUS: AtomicI32 = AtomicI32::new(UNKNOWN);

/// How long a stop may take; not set in a process that the server does not own.
static STOP_WITHIN: OnceLock<Duration> = OnceLock::new();

/// What the exit handlers of the application may take after a server that has left a thread alone.
const EXIT_HANDLERS_WITHIN: Duration = Duration::from_millis(500);

/// What a stop may take beyond drain-delay and graceful-timeout: requests are aborted and logged, exit
/// handlers run, and the logs are written. Operators are told two seconds, which leaves the process half
/// a second to end.
const ABORT_WITHIN: Duration = GIVES_UP_WITHIN.saturating_add(EXIT_HANDLERS_WITHIN);

/// How long threads of the application may keep the process alive before they are named.
const THREADS_NAMED_AFTER_SECONDS: f64 = 1.0;

/// The signals that stop a server, or would end the process where they are not handled; a system may
/// lack some.
const STOP_SIGNALS: [&str; 5] = ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGBREAK"];

/// How long the last line may take; the reader of the log may be what has failed.
const LAST_LINE_WITHIN: Duration = Duration::from_millis(200);

/// Limits the time of a stop, and registers the exit handler. Handlers that are registered later, such
/// as the application's, run before it.
///
/// # Errors
/// `atexit` is not available.
pub(crate) fn prepare(py: Python<'_>, settings: &Settings) -> PyResult<()> {
    let limit = settings.timeouts.drain_delay + settings.timeouts.graceful + ABORT_WITHIN;
    // A second server of the same process keeps the limit of the first.
    let _ = STOP_WITHIN.set(limit);
    let last = wrap_pyfunction!(last_handler, py)?;
    py.import("atexit")?.call_method1("register", (last,)).map(drop)
}

/// A stop has begun: of the process that was started by a signal, of a worker by its supervisor. Only the
/// first call counts.
pub(crate) fn stop_has_begun() {
    static HAS_BEGUN: AtomicBool = AtomicBool::new(false);
    let Some(limit) = STOP_WITHIN.get() else { return };
    if HAS_BEGUN.swap(true, Ordering::Relaxed) {
        return;
    }
    let started = std::thread::Builder::new().name("maitred-exit".into()).spawn(|| {
        #[expect(
            clippy::disallowed_methods,
            reason = "nothing else ends the wait: the process does"
        )]
        std::thread::sleep(*limit);
        say_within(LAST_LINE_WITHIN);
        let status = STATUS.load(Ordering::Relaxed);
        end_process(if status == UNKNOWN { 0 } else { status });
    });
    if let Err(error) = started {
        tracing::warn!("the time that stopping may take is not limited: {error}");
    }
}

/// Logs why the process ends now, from another thread, because that may block for ever.
fn say_within(patience: Duration) {
    let (said, is_said) = mpsc::channel();
    let spawned = std::thread::Builder::new().spawn(move || {
        logging::warn_now(
            "the time for stopping is over, and threads of the application have not ended: exiting \
             without waiting for them",
        );
        // Nobody waits any more if it took too long.
        let _ = said.send(());
    });
    if spawned.is_ok() {
        let _ = is_said.recv_timeout(patience);
    }
}

/// The server has stopped, and the process is about to exit with this status.
///
/// # Errors
/// Python cannot start a thread.
pub(crate) fn begin(py: Python<'_>, status: i32) -> PyResult<()> {
    STATUS.store(status, Ordering::Relaxed);
    stop_has_begun();
    // In Python, because only its own threads may be inside the interpreter when it finalizes.
    let name_threads = wrap_pyfunction!(name_threads, py)?;
    py.import("maitred._exit")?
        .call_method1("watch", (THREADS_NAMED_AFTER_SECONDS, name_threads))
        .map(drop)
}

/// Logs the names of the threads that keep the process alive.
#[pyfunction]
fn name_threads(names: &str) {
    logging::warn_now(&format!(
        "stopped, and waiting for threads of the application that are not daemons: {names}"
    ));
}

/// The last exit handler, after which the interpreter finalizes.
#[pyfunction]
fn last_handler(py: Python<'_>) -> PyResult<()> {
    let status = STATUS.load(Ordering::Relaxed);
    if status == UNKNOWN {
        return Ok(());
    }
    ignore_stop_signals(py)?;
    if remaining_workers() == 0 {
        return Ok(());
    }
    let sys = py.import("sys")?;
    for name in ["stdout", "stderr"] {
        // The reader may be gone, and the error cannot be reported anywhere else.
        let _ = sys.getattr(name).and_then(|stream| stream.call_method0("flush"));
    }
    py.import("os")?.call_method1("_exit", (status,)).map(drop)
}

/// Ignores the signals that stop a server, also where the application has its own handler for one.
fn ignore_stop_signals(py: Python<'_>) -> PyResult<()> {
    let signal = py.import("signal")?;
    let ignored = signal.getattr("SIG_IGN")?;
    for name in STOP_SIGNALS {
        if let Some(number) = signal.getattr_opt(name)? {
            signal.call_method1("signal", (number, &ignored))?;
        }
    }
    Ok(())
}
