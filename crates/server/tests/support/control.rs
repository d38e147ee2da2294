//! The supervisor's end of a worker's control socket.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io::Read as _;
use std::os::fd::{AsFd as _, BorrowedFd, IntoRawFd as _};
use std::os::unix::net::UnixStream;

use maitred_server::Membership;
use maitred_server::board::Board;
use maitred_server::supervisor::control::{ToSupervisor, ToWorker, decode, encode};
use maitred_server::supervisor::worker::WorkerControl;
use maitred_server::system::pass_fd::{self, Wait};

use super::support::PATIENCE;

/// A supervisor of one worker.
pub(crate) struct Supervisor {
    socket: UnixStream,
    received: Vec<u8>,
}

impl Supervisor {
    /// Welcomes a worker of this process to a seat of the board, as its worker 0.
    pub(crate) fn welcome(board: &Board, seat: usize) -> (Self, WorkerControl, Membership) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_read_timeout(Some(PATIENCE)).unwrap();
        // It stays open: a worker whose supervisor is gone ends its process, which is that of the tests.
        std::mem::forget(ours.try_clone().unwrap());
        let control = WorkerControl::attach(theirs.into_raw_fd()).unwrap();
        let supervisor = Self { socket: ours, received: Vec::new() };
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let welcome = ToWorker::Welcome { version, seat, number: 0, generation: 1 };
        supervisor.tell(&welcome, &[board.file(); 3]);
        let membership = control.welcome().unwrap().membership;
        (supervisor, control, membership)
    }

    /// Tells the worker something, with descriptors.
    pub(crate) fn tell(&self, message: &ToWorker, descriptors: &[BorrowedFd<'_>]) {
        let bytes = encode(message);
        let sent = pass_fd::send(self.socket.as_fd(), &bytes, descriptors, Wait::AsSocket).unwrap();
        assert_eq!(sent, bytes.len());
    }

    /// What the worker tells next.
    pub(crate) fn hears(&mut self) -> ToSupervisor {
        loop {
            if let Some(message) = decode(&mut self.received).unwrap() {
                return message;
            }
            let mut buffer = [0; 256];
            let length = self.socket.read(&mut buffer).expect("the worker tells something");
            assert!(length > 0, "the worker has closed its end");
            self.received.extend_from_slice(&buffer[..length]);
        }
    }
}
