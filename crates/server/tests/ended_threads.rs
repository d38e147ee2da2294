//! Tests that worker threads that end unexpectedly are replaced.

#[cfg(unix)]
#[path = "support/siblings.rs"]
mod siblings;
mod support;

#[path = "support/log.rs"]
mod log;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use maitred_http_parser::exchange::{Application, Exchanges, StartError, Wake, Worker};
use maitred_server::Gil;
use support::{Served, answer, eventually, settings};

const THREADS: &str = "maitred_threads{worker=\"0\"}";

/// Its workers panic when they have answered a request for `/ends`, outside of any request.
#[derive(Default)]
struct Brittle {
    /// No further thread can be started.
    is_exhausted: AtomicBool,
}

/// Leaves the worker's place, as long as nobody has dismissed it.
struct Leaves {
    exchanges: Arc<dyn Exchanges>,
    was_dismissed: bool,
}

impl Drop for Leaves {
    fn drop(&mut self) {
        if !self.was_dismissed {
            self.exchanges.thread_ended();
        }
    }
}

fn work(exchanges: Arc<dyn Exchanges>) {
    let mut place = Leaves { exchanges, was_dismissed: false };
    loop {
        if let Some(exchange) = place.exchanges.try_next() {
            let ends = exchange.head.path() == b"/ends";
            answer(exchange, b"hello");
            assert!(!ends, "a panic that is meant");
        } else if place.exchanges.wait() == Wake::Closed {
            place.was_dismissed = true;
            return;
        }
    }
}

impl Application for Brittle {
    fn start_worker(
        &self,
        name: &str,
        exchanges: Arc<dyn Exchanges>,
    ) -> Result<Box<dyn Worker>, StartError> {
        if self.is_exhausted.load(Ordering::Relaxed) {
            return Err(StartError { name: name.to_owned(), reason: "a test says so".into() });
        }
        let thread = std::thread::Builder::new().name(name.to_owned());
        let thread = thread.spawn(move || work(exchanges)).expect("a thread can be started");
        Ok(Box::new(support::Thread { name: name.to_owned(), thread, stacks: Arc::default() }))
    }
}

fn serve(application: Arc<Brittle>, threads: usize) -> Served {
    let settings = settings().with(|settings| settings.limits.threads = threads);
    let telemetry = support::standing(&settings);
    Served::start_whole(settings, application, Gil::Disabled, telemetry)
}

#[test]
fn a_thread_that_a_panic_ends_is_replaced_each_time_and_logged_once_each() {
    log::listen();
    let served = serve(Arc::default(), 2);
    for gone in 1..=3 {
        assert_eq!(served.get("/ends").status, 200);
        let replaced = || log::lines_with("and was replaced").len();
        // Whoever looks once a second may have seen it before.
        eventually("the line that says so", || {
            served.running.tick();
            replaced() == gone
        });
        served.until(THREADS, 2.0);
        served.running.tick();
        assert_eq!(served.get("/").status, 200);
        assert_eq!((served.metric(THREADS), replaced()), (2.0, gone));
    }
    for line in log::lines_with("and was replaced") {
        let begins = "ERROR maitred a worker thread ended unexpectedly and was replaced";
        assert!(line.starts_with(begins) && line.contains("worker_thread=\"maitred-"), "{line}");
    }
}

#[test]
fn a_thread_that_cannot_be_replaced_at_once_is_replaced_as_soon_as_it_can_be() {
    log::listen();
    let application = Arc::new(Brittle::default());
    let served = serve(Arc::clone(&application), 1);
    application.is_exhausted.store(true, Ordering::Relaxed);
    assert_eq!(served.get("/ends").status, 200);
    served.until(THREADS, 0.0);
    let failures = || log::lines_with("could not be replaced").len();
    eventually("the line that says so", || {
        served.running.tick();
        failures() == 1
    });
    application.is_exhausted.store(false, Ordering::Relaxed);
    eventually("another thread", || {
        served.running.tick();
        served.metric(THREADS) == 1.0
    });
    assert_eq!((served.get("/").status, failures()), (200, 1));
    eventually("the line that says so", || log::lines_with("has been replaced now").len() == 1);
}

#[cfg(unix)]
#[test]
fn a_thread_that_a_panic_ends_shows_its_request_no_more() {
    let settings = settings().with(|settings| settings.limits.threads = 1);
    let (shared, telemetry) = (siblings::Shared::new(1), support::standing(&settings));
    let application = Arc::new(Brittle::default());
    let seat = shared.board.seat(0).unwrap();
    let membership = shared.membership(0);
    let join = |server: maitred_server::Server| server.among_siblings(membership);
    let served = Served::start_as(settings, application, Gil::Disabled, telemetry, join);
    assert_eq!(served.get("/ends").status, 200);
    eventually("nothing is shown", || seat.slots().all(|slot| slot.read().is_none()));
    served.until(THREADS, 0.0);
}
