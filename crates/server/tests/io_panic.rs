//! Tests that a panic of the I/O thread stops the server, and is no ordinary end.

mod support;

use std::fmt::Debug;
use std::thread::current;

use maitred_server::Waited;
use support::{App, Served, answer, settings};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// A log that panics on the I/O thread when the server begins to drain, as a bug would.
struct Faulty;

impl Subscriber for Faulty {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn event(&self, event: &Event<'_>) {
        struct Message(bool);
        impl Visit for Message {
            fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
                self.0 |= field.name() == "message" && format!("{value:?}").starts_with("draining");
            }
        }
        let mut is_draining = Message(false);
        event.record(&mut is_draining);
        assert!(!(is_draining.0 && current().name() == Some("maitred-io")), "a bug");
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn a_panic_of_the_io_thread_is_told_to_everybody_who_waits_for_the_server() {
    tracing::subscriber::set_global_default(Faulty).expect("the only one");
    let served = Served::start(settings(), App::new(|exchange| answer(exchange, b"")));
    let other = served.running.clone();
    served.running.drain();
    assert_eq!(served.running.wait(), Waited::Failed);
    assert_eq!(other.wait(), Waited::Failed);
    std::mem::forget(served); // its end is no ordinary one
}
