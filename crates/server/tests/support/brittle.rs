//! An application whose worker threads end unexpectedly.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use maitred_http_parser::exchange::{Application, Exchanges, StartError, Wake, Worker};

use super::support::{Thread, answer};

/// Its workers panic when they have answered a request for `/ends`, outside of any request.
#[derive(Default)]
pub(crate) struct Brittle {
    /// No further thread can be started.
    pub(crate) is_exhausted: AtomicBool,
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
        Ok(Box::new(Thread { name: name.to_owned(), thread, stacks: Arc::default() }))
    }
}
