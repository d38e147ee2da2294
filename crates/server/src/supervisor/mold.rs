//! A mold's end of its control socket. A mold is the process that has imported the application once, with
//! `preload`, and from which the workers are forked.
//!
//! It has one thread, as a process must that forks. So no thread reads the control socket while the
//! application is imported: if the supervisor dies meanwhile, the kernel ends the mold. Later it sees the
//! end of the socket.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use super::channel::{Incoming, Progress, send};
use super::control::{FromMold, ToMold};
use super::facts::Serial;
use super::worker::WorkerControl;
use crate::system::child::exit_now;
use crate::system::detached_fork::{self, ForkSide};
use crate::system::inherited_socket;
use crate::system::pass_fd::Wait;
use crate::system::subreaper;

/// The mold's end of its control socket.
#[derive(Debug)]
pub struct MoldControl {
    socket: UnixStream,
    incoming: Incoming,
}

/// A worker that is to be forked.
#[derive(Debug)]
pub struct ForkOrder {
    serial: Serial,
    /// The number of the worker.
    pub number: usize,
    /// Its end of its own control socket.
    control: OwnedFd,
}

/// What a mold is to do.
#[derive(Debug)]
pub enum MoldTask {
    /// Fork a worker.
    Fork(ForkOrder),
    /// Run the handlers of signals, and ask again.
    Attend,
    /// End, without exit handlers: they are those of the workers.
    End,
}

impl MoldControl {
    /// Takes over the control socket, which the process was given under this number. From now on, the
    /// process ends with its supervisor.
    ///
    /// # Errors
    /// There is no such socket. The system cannot end one process with another.
    pub fn attach(descriptor: i32) -> io::Result<Self> {
        let socket = inherited_socket::take(descriptor)?.ok_or(io::ErrorKind::NotConnected)?;
        let socket = UnixStream::from(socket);
        socket.set_nonblocking(false)?;
        subreaper::end_with_parent()?;
        let mut incoming = Incoming::with_reserve();
        if incoming.read(&socket, Wait::Never) == Progress::Ended {
            exit_now(0); // the supervisor was gone before the kernel could tell
        }
        Ok(Self { socket, incoming })
    }

    /// Tells that the application is imported, and workers can be forked.
    pub fn imported(&self) {
        self.tell(&FromMold::Imported);
    }

    /// Tells that the application cannot be imported; this has been printed.
    pub fn cannot_start(&self) {
        self.tell(&FromMold::CannotStart);
    }

    fn tell(&self, message: &FromMold) {
        // If it cannot be told, the supervisor is gone, and this process ends.
        let _ = send(&self.socket, message, &[], Wait::AsSocket);
    }

    /// Waits for what is to be done, or for a signal.
    pub fn next_task(&mut self) -> MoldTask {
        match self.incoming.next::<ToMold>() {
            Ok(Some(ToMold::Fork { serial, number })) => match self.incoming.descriptor() {
                Ok(control) => return MoldTask::Fork(ForkOrder { serial, number, control }),
                Err(error) => self.fork_failed(serial, &error),
            },
            Ok(None) => {}
            Err(error) => {
                tracing::error!(target: "maitred", "the supervisor sent {error}");
                return MoldTask::End;
            }
        }
        match self.incoming.read(&self.socket, Wait::AsSocket) {
            Progress::Open => MoldTask::Attend,
            Progress::Ended => MoldTask::End,
        }
    }

    /// Forks the process of a worker.
    ///
    /// # Errors
    /// There can be no more processes.
    pub fn fork(&self, order: &ForkOrder) -> io::Result<ForkSide> {
        detached_fork::fork(|pid| {
            let forked = FromMold::Forked { serial: order.serial, pid };
            // Never waits: this process has to end. The supervisor reads much faster than it asks.
            let _ = send(&self.socket, &forked, &[], Wait::Never);
        })
    }

    /// Tells that a worker could not be forked.
    pub fn fork_failed(&self, serial: Serial, error: &io::Error) {
        self.tell(&FromMold::ForkFailed { serial, error: error.to_string() });
    }

    /// In the new process: leaves everything of the mold, also the control sockets of other workers, and
    /// takes up the worker's own.
    ///
    /// # Errors
    /// The thread that reads the control socket cannot be started.
    pub fn into_worker(self, order: ForkOrder) -> io::Result<WorkerControl> {
        drop(self);
        WorkerControl::over(order.control.into())
    }
}

impl ForkOrder {
    /// How many processes were started before the worker.
    pub fn serial(&self) -> Serial {
        self.serial
    }
}
