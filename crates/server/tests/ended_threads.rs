//! Tests that worker threads that end unexpectedly are replaced.

#[path = "support/brittle.rs"]
mod brittle;
#[path = "support/log.rs"]
mod log;
mod support;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use brittle::Brittle;
use maitred_server::Gil;
use support::{Served, eventually, settings};

const THREADS: &str = "maitred_threads{worker=\"0\"}";

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
