//! Tells a running supervisor what to do, from any thread.

use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

/// The handle of a supervisor.
#[derive(Clone, Debug)]
pub struct SupervisorHandle {
    requests: mpsc::Sender<Request>,
    waker: Arc<UnixStream>,
    is_interrupted: Arc<AtomicBool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    Drain,
    Kill,
    Reload,
    ReopenLogs,
    Publish,
    TellStacks,
}

impl SupervisorHandle {
    fn ask(&self, request: Request) {
        // Nobody hears it once the supervisor has ended.
        let _ = self.requests.send(request);
        self.interrupt_wait();
    }

    /// Drains all workers, and ends.
    pub fn drain(&self) {
        self.ask(Request::Drain);
    }

    /// Kills all workers, and ends.
    pub fn kill(&self) {
        self.ask(Request::Kill);
    }

    /// Replaces all workers, with settings that are read again.
    pub fn reload(&self) {
        self.ask(Request::Reload);
    }

    /// Opens the log files of all workers again.
    pub fn reopen_logs(&self) {
        self.ask(Request::ReopenLogs);
    }

    /// Asks all workers to show on the board what they do now.
    pub(super) fn publish(&self) {
        self.ask(Request::Publish);
    }

    /// Asks for the stacks of all workers, which the view will have.
    pub(super) fn tell_stacks(&self) {
        self.ask(Request::TellStacks);
    }

    /// Makes the supervisor's thread run handlers of signals.
    pub fn interrupt_wait(&self) {
        if !self.is_interrupted.swap(true, Ordering::AcqRel) {
            // If the socket is full, the thread is about to wake up anyway.
            let _ = (&*self.waker).write(&[0]);
        }
    }
}

/// The supervisor's end of its handles.
#[derive(Debug)]
pub(super) struct Requests {
    requests: mpsc::Receiver<Request>,
    woken: UnixStream,
    is_interrupted: Arc<AtomicBool>,
}

/// A handle, and the supervisor's end.
///
/// # Errors
/// No descriptors are left.
pub(super) fn channel() -> io::Result<(SupervisorHandle, Requests)> {
    let (woken, waker) = UnixStream::pair()?;
    woken.set_nonblocking(true)?;
    waker.set_nonblocking(true)?;
    let (sender, requests) = mpsc::channel();
    let is_interrupted = Arc::new(AtomicBool::new(false));
    let handle = SupervisorHandle {
        requests: sender,
        waker: Arc::new(waker),
        is_interrupted: Arc::clone(&is_interrupted),
    };
    Ok((handle, Requests { requests, woken, is_interrupted }))
}

impl Requests {
    /// Takes notice of an interruption: another one wakes the thread again.
    pub(super) fn notice(&self) {
        // What was written is of no interest.
        let _ = (&self.woken).read(&mut [0; 16]);
        self.is_interrupted.store(false, Ordering::Release);
    }

    /// The next request.
    pub(super) fn next(&self) -> Option<Request> {
        self.requests.try_recv().ok()
    }

    /// Can be read when there was an interruption.
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.woken.as_fd()
    }
}
