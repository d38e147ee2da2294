//! What a supervisor sees of the requests that the threads of a worker process run.

#![cfg(unix)]

#[path = "support/brittle.rs"]
mod brittle;
#[path = "support/siblings.rs"]
mod siblings;
#[path = "support/mod.rs"]
mod support;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use maitred_server::board::RequestInProgress;
use maitred_server::{Gil, Server};

use brittle::Brittle;
use siblings::Shared;
use support::{App, Gate, Opens, Served, answer, eventually, settings, standing};

#[test]
fn a_request_that_was_given_up_is_shown_until_its_call_returns() {
    let settings = settings().with(|settings| {
        settings.limits.threads = 1;
        settings.timeouts.request = Some(Duration::from_secs(1));
    });
    let (shared, gate) = (Shared::new(1), Gate::new());
    let _opens = Opens(Arc::clone(&gate));
    let waits = Arc::clone(&gate);
    let app = App::new(move |exchange| {
        if exchange.head.path() == b"/slow" {
            waits.pass();
        }
        answer(exchange, b"hello");
    });
    let served = shared.start_apart(0, &settings, app, standing(&settings));
    let shown = || -> Vec<RequestInProgress> {
        shared.board.seat(0).unwrap().slots().filter_map(|slot| slot.read()).collect()
    };
    let mut client = served.connect();
    client.ask("/slow");
    gate.wait_for(1);
    assert_eq!(shown()[0].path, "/slow");

    served.clock.advance(Duration::from_secs(2));
    served.running.tick();
    assert_eq!(client.answer().status, 504);
    assert_eq!(served.get("/").status, 200, "another thread has taken its place");
    let given_up = shown();
    assert!(given_up.iter().any(|it| it.path == "/slow" && it.is_answered), "{given_up:?}");

    gate.open();
    eventually("nothing runs", || shown().is_empty());
}

#[test]
fn a_thread_that_a_panic_ends_shows_its_request_no_more() {
    let settings = settings().with(|settings| settings.limits.threads = 1);
    let (shared, telemetry) = (Shared::new(1), standing(&settings));
    let application = Arc::new(Brittle::default());
    let seat = shared.board.seat(0).unwrap();
    let membership = shared.membership(0);
    let join = |server: Server| server.among_siblings(membership);
    let served = Served::start_as(settings, application.clone(), Gil::Disabled, telemetry, join);
    application.is_exhausted.store(true, Ordering::Relaxed); // so that it is not replaced
    assert_eq!(served.get("/ends").status, 200);
    eventually("nothing is shown", || seat.slots().all(|slot| slot.read().is_none()));
    served.until("maitred_threads{worker=\"0\"}", 0.0);
}
