//! A worker whose application has used up all descriptors of the process. There is one test, because
//! they are those of all threads.

#![cfg(unix)]

#[path = "support/control.rs"]
mod control;
#[path = "support/mod.rs"]
mod support;

use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;

use maitred_server::board::{Board, Shape};
use maitred_server::supervisor::control::{ToSupervisor, ToWorker};

use control::Supervisor;

/// All descriptors that are left.
fn all_that_are_left(of: &UnixStream) -> Vec<OwnedFd> {
    std::iter::from_fn(|| of.as_fd().try_clone_to_owned().ok()).collect()
}

fn is_alive(supervisor: &mut Supervisor) {
    supervisor.tell(&ToWorker::AnnounceDrain, &[]);
    assert!(matches!(supervisor.hears(), ToSupervisor::DrainAnnounced { .. }));
}

#[test]
fn a_worker_without_descriptors_hears_its_supervisor_and_gets_one_inbox_by_its_reserve() {
    let board = Board::create(Shape::new(4, 1, 1), &std::env::temp_dir()).unwrap();
    let (mut supervisor, control, membership) = Supervisor::welcome(&board, 0);
    let (inbox, _other) = UnixStream::pair().unwrap();
    is_alive(&mut supervisor);

    let leaked = all_that_are_left(&inbox);
    supervisor.tell(&ToWorker::Inbox { seat: 1 }, &[inbox.as_fd()]);
    is_alive(&mut supervisor);
    assert_eq!(membership.inboxes.seats().collect::<Vec<_>>(), [1]);
    // Nothing is left for the next ones: they are lost, and nothing else.
    supervisor.tell(&ToWorker::Inbox { seat: 2 }, &[inbox.as_fd()]);
    is_alive(&mut supervisor);
    assert_eq!(membership.inboxes.seats().collect::<Vec<_>>(), [1]);
    supervisor.tell(&ToWorker::Listen { sockets: 1 }, &[inbox.as_fd()]);
    let error = control.imported().unwrap_err();
    assert_eq!(error.to_string(), "this process may have no more files open");
    assert_eq!(supervisor.hears(), ToSupervisor::Imported);

    drop(leaked);
    is_alive(&mut supervisor);
    supervisor.tell(&ToWorker::Inbox { seat: 3 }, &[inbox.as_fd()]);
    is_alive(&mut supervisor);
    assert_eq!(membership.inboxes.seats().collect::<Vec<_>>(), [1, 3]);
}
