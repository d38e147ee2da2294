//! Tests of scheduling: which requests run, on which threads, in which order; never by time.

mod support;

use std::io::Read as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use maitred_http_parser::exchange::{
    Application, Chunk, Exchange, Exchanges, Flow, StartError, Wake, Worker,
};
use maitred_server::Gil;
use support::{App, Client, Gate, Opens, Served, answer, eventually, ok, settings};

const THREADS: usize = 4;

/// What calls have been like when a test begins: the server wakes threads otherwise when they
/// block than when they compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum History {
    Computes,
    Blocks,
}

/// Every kind of history, and of lock.
const CIRCUMSTANCES: [(History, Gil); 4] = [
    (History::Computes, Gil::Enabled),
    (History::Blocks, Gil::Enabled),
    (History::Computes, Gil::Disabled),
    (History::Blocks, Gil::Disabled),
];

/// A server around `respond`, with a history.
fn serve(
    threads: usize,
    (history, lock): (History, Gil),
    respond: impl Fn(Exchange) + Send + Sync + 'static,
) -> Served {
    let clock = Arc::new(Mutex::new(None::<Arc<maitred_server::Clock>>));
    let of_app = clock.clone();
    let app = App::new(move |exchange| {
        if exchange.head.path() != b"/history" {
            return respond(exchange);
        }
        if history == History::Blocks
            && let Some(clock) = &*of_app.lock().expect("no panic in here")
        {
            clock.advance(Duration::from_millis(50));
        }
        answer(exchange, b"past");
    });
    let served = Served::start_with(
        settings().with(|settings| settings.limits.threads = threads),
        app,
        lock,
    );
    *clock.lock().expect("no panic in here") = Some(served.clock.clone());
    let mut client = served.connect();
    for _ in 0..50 {
        client.ask("/history");
        assert_eq!(client.answer().status, 200);
    }
    served
}

fn asking(served: &Served, path: &str) -> Client {
    let mut client = served.connect();
    client.ask(path);
    client
}

#[test]
fn as_many_requests_as_threads_may_wait_for_each_other() {
    for circumstances in CIRCUMSTANCES {
        let barrier = Barrier::new(THREADS);
        let served = serve(THREADS, circumstances, move |exchange| {
            barrier.wait();
            answer(exchange, b"met");
        });
        for _ in 0..10 {
            let mut clients: Vec<_> = (0..THREADS).map(|_| asking(&served, "/")).collect();
            for client in &mut clients {
                assert_eq!(client.answer().body, b"met", "{circumstances:?}");
            }
        }
    }
}

#[test]
fn an_answer_does_not_wait_for_the_next_call() {
    for circumstances in CIRCUMSTANCES {
        let (first, second) = (Gate::new(), Gate::new());
        let _opens = (Opens(first.clone()), Opens(second.clone()));
        let gates = (first.clone(), second.clone());
        let served = serve(1, circumstances, move |exchange| {
            match exchange.head.path() {
                b"/first" => gates.0.pass(),
                b"/second" => gates.1.pass(),
                _ => {}
            }
            answer(exchange, b"hello");
        });
        let mut waiting = vec![asking(&served, "/first")];
        first.wait_for(1);
        // They are taken one after the other by a thread that does not pause in between.
        waiting.extend((0..5).map(|_| asking(&served, "/")));
        served.settle();
        let mut last = asking(&served, "/second");
        served.settle();
        first.open();
        second.wait_for(1);
        for client in &mut waiting {
            assert_eq!(client.answer().body, b"hello", "{circumstances:?}");
        }
        second.open();
        assert_eq!(last.answer().body, b"hello");
    }
}

#[test]
fn every_chunk_arrives_though_the_application_then_blocks() {
    for circumstances in CIRCUMSTANCES {
        let gate = Gate::new();
        let _opens = Opens(gate.clone());
        let inside = gate.clone();
        let served = serve(1, circumstances, move |mut exchange| {
            exchange.reply.head(ok());
            for piece in [b"1", b"2", b"3"] {
                assert_eq!(exchange.reply.chunk(Chunk::Borrowed(piece)), Flow::Continue);
            }
            inside.pass();
            let _ = exchange.reply.finish(Chunk::Borrowed(b"4"));
        });
        let mut client = served.connect();
        client.send(b"GET / HTTP/1.0\r\n\r\n");
        let mut text = String::new();
        while !text.ends_with("123") {
            let mut piece = [0; 1000];
            let count = client.stream.read(&mut piece).expect("it does not block for ever");
            assert!(count > 0, "{circumstances:?}: {text}");
            text.push_str(&String::from_utf8_lossy(&piece[..count]));
        }
        gate.open();
        assert_eq!(client.rest().0, b"4");
    }
}

#[test]
fn a_call_that_never_ends_costs_one_thread() {
    for circumstances in CIRCUMSTANCES {
        let gate = Gate::new();
        let _opens = Opens(gate.clone());
        let inside = gate.clone();
        let served = serve(2, circumstances, move |exchange| {
            if exchange.head.path() == b"/stop" {
                inside.pass();
            }
            answer(exchange, b"hello");
        });
        let mut stuck = asking(&served, "/stop");
        for _ in 0..200 {
            assert_eq!(served.get("/").body, b"hello", "{circumstances:?}");
        }
        gate.open();
        assert_eq!(stuck.answer().body, b"hello");
    }
}

#[test]
fn a_pipelining_client_has_its_turn_like_any_other() {
    for circumstances in CIRCUMSTANCES {
        let gate = Gate::new();
        let _opens = Opens(gate.clone());
        let (inside, order) = (gate.clone(), Arc::new(Mutex::new(Vec::new())));
        let served_in = order.clone();
        let served = serve(1, circumstances, move |exchange| {
            if exchange.head.path() == b"/stop" {
                inside.pass();
            }
            served_in.lock().expect("no panic in here").push(exchange.head.path().to_vec());
            answer(exchange, b"hello");
        });
        let mut first = asking(&served, "/stop");
        gate.wait_for(1);
        let mut greedy = served.connect();
        greedy.send("GET /greedy HTTP/1.1\r\nHost: t\r\n\r\n".repeat(500).as_bytes());
        served.settle();
        let mut others: Vec<_> = (0..20).map(|_| asking(&served, "/other")).collect();
        served.settle();
        gate.open();
        for client in others.iter_mut().chain([&mut first]) {
            assert_eq!(client.answer().status, 200);
        }
        for _ in 0..500 {
            assert_eq!(greedy.answer().status, 200);
        }
        let order = order.lock().expect("no panic in here");
        let last_other = order.iter().rposition(|path| path == b"/other").expect("they ran");
        let before = order[..last_other].iter().filter(|path| *path == b"/greedy").count();
        assert!(before <= 1, "{circumstances:?}: {before} of one client came before the others");
    }
}

#[test]
fn newcomers_are_accepted_while_every_thread_is_busy_and_many_wait() {
    for circumstances in CIRCUMSTANCES {
        let end = Arc::new(AtomicBool::new(false));
        let running = Arc::new(AtomicUsize::new(0));
        let (ends, runs) = (end.clone(), running.clone());
        let served = serve(2, circumstances, move |exchange| {
            runs.fetch_add(1, Ordering::Relaxed);
            while !ends.load(Ordering::Relaxed) {
                std::hint::spin_loop();
                std::thread::yield_now();
            }
            answer(exchange, b"hello");
        });
        let mut clients: Vec<_> = (0..50).map(|_| asking(&served, "/")).collect();
        eventually("both threads to be busy", || running.load(Ordering::Relaxed) == 2);
        // What the I/O thread answers by itself, it answers.
        served.settle();
        end.store(true, Ordering::Relaxed);
        for client in &mut clients {
            assert_eq!(client.answer().status, 200);
        }
    }
}

#[test]
fn many_clients_at_once_are_all_served_whatever_calls_are_like() {
    for circumstances in CIRCUMSTANCES {
        let served = serve(THREADS, circumstances, |exchange| {
            let number = exchange.head.path().len();
            let path = exchange.head.path().to_vec();
            if number % 3 == 0 {
                std::thread::yield_now();
            }
            answer(exchange, &path);
        });
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let mut client = served.connect();
                    for number in 0..300 {
                        let path = format!("/{}", "x".repeat(number % 17));
                        client.ask(&path);
                        assert_eq!(client.answer().body, path.as_bytes(), "{circumstances:?}");
                    }
                });
            }
        });
    }
}

/// Counts what its workers are told.
#[derive(Default)]
struct Counting {
    started: AtomicUsize,
    ended: Arc<AtomicUsize>,
    housekeeping: Arc<AtomicUsize>,
}

impl Application for Counting {
    fn start_worker(
        &self,
        name: &str,
        exchanges: Arc<dyn Exchanges>,
    ) -> Result<Box<dyn Worker>, StartError> {
        self.started.fetch_add(1, Ordering::Relaxed);
        let (ended, kept) = (self.ended.clone(), self.housekeeping.clone());
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            loop {
                if let Some(exchange) = exchanges.try_next() {
                    answer(exchange, b"hello");
                    continue;
                }
                match exchanges.wait() {
                    Wake::Work => {}
                    Wake::Housekeeping => {
                        kept.fetch_add(1, Ordering::Relaxed);
                    }
                    Wake::Closed => break,
                }
            }
            ended.fetch_add(1, Ordering::Relaxed);
        });
        let thread = thread.expect("a thread can be started");
        let stacks = Arc::default();
        Ok(Box::new(support::Thread { name: name.to_owned(), thread, stacks }))
    }
}

#[test]
fn all_threads_end_with_the_server_and_some_keep_house_before() {
    for lock in [Gil::Enabled, Gil::Disabled] {
        let app = Arc::new(Counting::default());
        let served = Served::start_with(
            settings().with(|settings| settings.limits.threads = 8),
            app.clone(),
            lock,
        );
        let mut client = served.connect();
        client.ask("/");
        assert_eq!(client.answer().body, b"hello");
        eventually("a thread to keep house", || app.housekeeping.load(Ordering::Relaxed) > 0);
        client.ask("/");
        assert_eq!(client.answer().body, b"hello");
        drop(served);
        assert_eq!(app.started.load(Ordering::Relaxed), 8);
        eventually("all threads to end", || app.ended.load(Ordering::Relaxed) == 8);
    }
}

#[test]
fn what_a_worker_leaves_to_one_that_blocks_is_served_nevertheless() {
    let (first, second) = (Gate::new(), Gate::new());
    let _opens = (Opens(first.clone()), Opens(second.clone()));
    let gates = (first.clone(), second.clone());
    let served = serve(2, (History::Computes, Gil::Enabled), move |exchange| {
        match exchange.head.path() {
            b"/first" => gates.0.pass(),
            b"/second" => gates.1.pass(),
            _ => {}
        }
        answer(exchange, b"hello");
    });
    let mut one = asking(&served, "/first");
    first.wait_for(1);
    let _two = asking(&served, "/second");
    second.wait_for(1);
    let mut others = [asking(&served, "/"), asking(&served, "/")];
    eventually("two to wait", || served.metric(r#"maitred_queue_requests{worker="0"}"#) == 2.0);
    // Longer than it takes CPython to switch threads, so that the first worker steps back.
    served.clock.advance(Duration::from_millis(5));
    first.open();
    for client in others.iter_mut().chain([&mut one]) {
        assert_eq!(client.answer().body, b"hello");
    }
}

/// Serves at a gate, and asks after each request whether it should let others run.
struct Asks {
    gate: Arc<Gate>,
    told: Arc<Mutex<Vec<bool>>>,
}

impl Application for Asks {
    fn start_worker(
        &self,
        name: &str,
        exchanges: Arc<dyn Exchanges>,
    ) -> Result<Box<dyn Worker>, StartError> {
        let (gate, told) = (self.gate.clone(), self.told.clone());
        let thread = std::thread::spawn(move || {
            loop {
                if let Some(exchange) = exchanges.try_next() {
                    gate.pass();
                    answer(exchange, b"hello");
                    told.lock().expect("no panic in here").push(exchanges.should_yield());
                } else if exchanges.wait() == Wake::Closed {
                    break;
                }
            }
        });
        let stacks = Arc::default();
        Ok(Box::new(support::Thread { name: name.to_owned(), thread, stacks }))
    }
}

#[test]
fn a_worker_lets_other_threads_run_once_when_it_has_served_for_five_milliseconds_on_end() {
    let app = Arc::new(Asks { gate: Gate::new(), told: Arc::default() });
    let served = Served::start_whole(
        settings().with(|settings| settings.limits.threads = 1),
        app.clone(),
        Gil::Enabled,
        support::standing(&settings()),
    );
    let mut clients = vec![asking(&served, "/")];
    app.gate.wait_for(1);
    clients.extend([asking(&served, "/"), asking(&served, "/")]);
    eventually("two more to wait", || {
        served.metric(r#"maitred_queue_requests{worker="0"}"#) == 2.0
    });
    served.clock.advance(Duration::from_millis(5));
    app.gate.open();
    for client in &mut clients {
        assert_eq!(client.answer().body, b"hello");
    }
    // The first one began with the five milliseconds, so that it is the second that ends them.
    eventually("all to be told", || app.told.lock().expect("no panic in here").len() == 3);
    assert_eq!(*app.told.lock().expect("no panic in here"), [false, true, false]);
}
