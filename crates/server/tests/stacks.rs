//! Tests of whose stack the status page shows.

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use maitred_config::Settings;
use maitred_http_parser::exchange::{Application, Exchanges, StackUnavailable, StartError, Worker};
use serde_json::Value;
use support::{App, Client, Gate, Opens, PATIENCE, Served, answer, settings};

/// What asking for a stack results in, by the name of the thread.
type Stack = fn(&str) -> Result<String, StackUnavailable>;

/// Whose stack was wanted, and how long the interpreter might be waited for.
type Asked = Arc<Mutex<Vec<(String, Duration)>>>;

/// An application whose threads wait at a gate, and which knows what their stacks are.
struct Waiting {
    app: Arc<App>,
    stack: Stack,
    asked: Asked,
}

struct WaitingThread {
    name: String,
    worker: Box<dyn Worker>,
    stack: Stack,
    asked: Asked,
}

impl Application for Waiting {
    fn start_worker(
        &self,
        name: &str,
        exchanges: Arc<dyn Exchanges>,
    ) -> Result<Box<dyn Worker>, StartError> {
        let worker = self.app.start_worker(name, exchanges)?;
        let (name, asked) = (name.to_owned(), Arc::clone(&self.asked));
        Ok(Box::new(WaitingThread { name, worker, stack: self.stack, asked }))
    }
}

impl Worker for WaitingThread {
    fn is_finished(&self) -> bool {
        self.worker.is_finished()
    }

    fn stack(&self, patience: Duration) -> Result<String, StackUnavailable> {
        self.asked.lock().expect("no test panics in here").push((self.name.clone(), patience));
        (self.stack)(&self.name)
    }
}

const THREADS: usize = 4;

/// The threads of the status page, of which the first that were asked to serve do so, and who was
/// asked for a stack.
fn status(serving: usize, stack: Stack) -> (Vec<Value>, Vec<(String, Duration)>) {
    let gate = Gate::new();
    let _opens = Opens(gate.clone());
    let at = gate.clone();
    let app = App::new(move |exchange| {
        at.pass();
        answer(exchange, b"at last");
    });
    let application = Waiting { app, stack, asked: Arc::default() };
    let asked = Arc::clone(&application.asked);
    let settings = settings().with(|settings: &mut Settings| settings.limits.threads = THREADS);
    let served = Served::start(settings, Arc::new(application));
    let mut clients: Vec<Client> = Vec::new();
    for count in 1..=serving {
        let mut client = served.connect();
        client.ask("/waits");
        clients.push(client);
        gate.wait_for(count);
    }
    let status = served.telemetry.status(Some(PATIENCE));
    let threads = status["threads"].as_array().expect("a list").clone();
    assert_eq!(threads.len(), THREADS);
    gate.open();
    for client in &mut clients {
        assert_eq!(client.answer().body, b"at last");
    }
    let asked = asked.lock().expect("no test panics in here").clone();
    (threads, asked)
}

#[test]
fn only_threads_that_serve_are_asked_for_their_stacks() {
    for serving in 0..=THREADS {
        let (threads, asked) = status(serving, |name| Ok(format!("the stack of {name}")));
        assert_eq!(asked.len(), serving);
        for thread in threads {
            let name = thread["name"].as_str().expect("a name");
            let stack = thread["stack"].as_str();
            let is_serving = !thread["request"].is_null();
            assert_eq!(stack.is_some(), is_serving, "{thread}");
            assert!(stack.is_none_or(|stack| stack.ends_with(name)), "{thread}");
        }
    }
}

#[test]
fn a_thread_that_has_no_stack_hides_no_other_stack() {
    let (threads, asked) = status(THREADS, |name| match name {
        "maitred-0" | "maitred-2" => Err(StackUnavailable::NotRunning),
        _ => Ok(format!("the stack of {name}")),
    });
    let stacks: Vec<_> = threads.iter().map(|thread| thread["stack"].as_str()).collect();
    let none = Some("not available: the thread runs no application code");
    assert_eq!(
        stacks,
        [none, Some("the stack of maitred-1"), none, Some("the stack of maitred-3")]
    );
    assert!(asked.iter().all(|(_, patience)| !patience.is_zero()), "{asked:?}");
}

#[test]
fn a_lock_that_nobody_gives_back_is_waited_for_once() {
    let (threads, asked) = status(THREADS, |name| match name {
        "maitred-1" => Err(StackUnavailable::Busy),
        _ => Ok(format!("the stack of {name}")),
    });
    let impatient: Vec<_> = asked.iter().map(|(_, patience)| patience.is_zero()).collect();
    assert_eq!(impatient, [false, false, true, true]);
    let told = threads[1]["stack"].as_str().expect("a stack");
    assert!(told.starts_with("not available: the interpreter is busy"), "{told}");
}
