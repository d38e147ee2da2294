//! Tests of servers that cannot start: the error, and that nothing is left behind.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use maitred_config::Settings;
use maitred_http_parser::exchange::{Application, Exchanges, StartError, Worker};
use maitred_server::{Listeners, Server, Telemetry};
use support::{App, answer, eventually, settings};

/// Why a server with these settings does not start.
fn refusal(settings: Settings, application: Arc<dyn Application>) -> String {
    let listeners = Listeners::bind(&settings).expect("a free port");
    let telemetry = Arc::new(Telemetry::new(&settings));
    let server = Server::new(Arc::new(settings), listeners, application, telemetry);
    server.start().expect_err("it cannot start").to_string()
}

/// An application that has no more than two threads.
struct TwoThreads {
    app: Arc<App>,
    started: AtomicUsize,
}

impl Application for TwoThreads {
    fn start_worker(
        &self,
        name: &str,
        exchanges: Arc<dyn Exchanges>,
    ) -> Result<Box<dyn Worker>, StartError> {
        match self.started.fetch_add(1, Ordering::Relaxed) {
            0 | 1 => self.app.start_worker(name, exchanges),
            _ => Err(StartError { name: name.into(), reason: "there is none left".into() }),
        }
    }
}

#[test]
fn a_thread_that_cannot_be_had_ends_those_that_were_started() {
    let token = Arc::new(());
    let held = Arc::clone(&token);
    let app = App::new(move |exchange| {
        let _held = &held;
        answer(exchange, b"hello");
    });
    let application = Arc::new(TwoThreads { app, started: AtomicUsize::new(0) });
    let told = refusal(settings().with(|settings| settings.limits.threads = 4), application);
    assert_eq!(told, "cannot start worker thread `maitred-2`: there is none left");
    eventually("the threads to end", || Arc::strong_count(&token) == 1);
}

#[test]
fn a_folder_that_takes_no_files_shows_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = folder.path().join("missing");
    let settings =
        settings().with(|settings| settings.application.temp_dir = Some(missing.clone()));
    let told = refusal(settings, App::new(|exchange| answer(exchange, b"hello")));
    let expected = format!("cannot create files in the `temp-dir` {}: ", missing.display());
    assert!(told.starts_with(&expected), "{told}");
}
