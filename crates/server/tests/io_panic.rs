//! Tests that a panic of the I/O thread stops the server, and is no ordinary end.

#[path = "support/log.rs"]
mod log;
mod support;

use std::thread::current;

use maitred_server::Waited;
use support::{App, Served, answer, settings};

/// Panics on the I/O thread when the server begins to drain, as a bug would.
fn panic_when_draining(line: &str) {
    assert!(!(line.contains("draining") && current().name() == Some("maitred-io")), "a bug");
}

#[test]
fn a_panic_of_the_io_thread_is_told_to_everybody_who_waits_for_the_server() {
    log::listen_and(panic_when_draining);
    let served = Served::start(settings(), App::new(|exchange| answer(exchange, b"")));
    let other = served.running.clone();
    served.running.drain();
    assert_eq!(served.running.wait(), Waited::Failed);
    assert_eq!(other.wait(), Waited::Failed);
    std::mem::forget(served); // its end is no ordinary one
}
