//! A worker process as its supervisor sees it, on the control socket and on the board.

#![cfg(unix)]

#[path = "support/control.rs"]
mod control;
#[path = "support/siblings.rs"]
mod siblings;
#[path = "support/mod.rs"]
mod support;

use std::sync::Arc;
use std::time::Duration;

use maitred_server::board::{SeatState, monotonic_ns};
use maitred_server::supervisor::control::ToSupervisor;
use maitred_server::{Gil, Telemetry};

use control::Supervisor;
use siblings::Shared;
use support::{App, Served, answer, settings};

#[test]
fn a_worker_that_took_long_to_start_has_fresh_beats_when_it_says_that_it_is_ready() {
    let shared = Shared::new(1);
    let (mut supervisor, control, membership) = Supervisor::welcome(&shared.board, 0);
    let seat = shared.board.seat(0).unwrap();
    let started = monotonic_ns() - Duration::from_secs(3600).as_nanos() as u64;
    seat.begin_anew(0, 1, started);
    let (settings, application) = (settings(), App::new(|exchange| answer(exchange, b"hello")));
    let telemetry = Arc::new(Telemetry::new(&settings));
    let join = |server: maitred_server::Server| server.among_siblings(membership);
    let served = Served::start_as(settings, application, Gil::Enabled, telemetry, join);
    let before = monotonic_ns();

    control.serves(served.running.clone(), || {});

    assert_eq!(supervisor.hears(), ToSupervisor::Ready);
    assert_eq!(seat.state(), SeatState::Ready);
    assert!(seat.io_beat() >= before && seat.python_beat() >= before);
}
