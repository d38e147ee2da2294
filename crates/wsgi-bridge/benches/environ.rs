//! Nanoseconds of the bridge's part of a request, best of several loops: the environ by itself, what
//! of it CPython takes for a copy of a template and for setting the values that differ, which are
//! at hand already, and a whole request from one `try_next` to the next, with replies that throw everything away.
//!
//! `cargo bench -p maitred-wsgi-bridge`

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark times and prints"
)]

use std::sync::{Arc, Condvar, Mutex, Weak};
use std::time::{Duration, Instant};

use maitred_http_parser::decode::{Decoded, Decoder};
use maitred_http_parser::exchange::{
    Application, Body, Chunk, Client, Exchange, Exchanges, FileBody, Flow, Peer, Presence, Reply,
    Wake,
};
use maitred_http_parser::forwarded::Forwarded;
use maitred_http_parser::{ApplicationFault, Limits, RequestHead, ResponseHead};
use maitred_wsgi_bridge::bench_support::EnvironBuilder;
use maitred_wsgi_bridge::log::{ErrorLines, Level, Log, Raised};
use maitred_wsgi_bridge::{
    ErrorOutput, LeadingSlashes, ListenerVariables, ServerVariables, WsgiApplication,
};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

const HELLO: &str = "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";

const BROWSER: &str = "GET /shop/items?page=2&sort=price HTTP/1.1\r\nHost: shop.example\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
    Accept-Language: en-GB,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n\
    Referer: https://shop.example/shop/items?page=1\r\nConnection: keep-alive\r\n\
    Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n\
    Upgrade-Insecure-Requests: 1\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\n\
    Sec-Fetch-Site: same-origin\r\nSec-Fetch-User: ?1\r\nPriority: u=0, i\r\n\
    If-None-Match: \"33a64df551425fcc55e4d42a148795d9f25f89d4\"\r\n\r\n";

const APPLICATIONS: &str = r#"
def hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "13")])
    return [b"Hello, World!"]
def generator(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "13")])
    yield b"Hello, "
    yield b"World!"
"#;

/// The variables of HELLO that no template can have.
const DIFFERENT: [&str; 7] = [
    "PATH_INFO",
    "QUERY_STRING",
    "REQUEST_URI",
    "REMOTE_PORT",
    "wsgi.input",
    "maitred.queue_time",
    "HTTP_HOST",
];

const LOOPS: u32 = 50;
const REQUESTS: u32 = 10_000;

fn main() {
    Python::initialize();
    for (name, raw) in [("hello", HELLO), ("browser", BROWSER)] {
        println!("environ  {name:<8}           {:>6} ns", best(|| environ(raw)));
        println!("environ  {name:<8} copied    {:>6} ns", best(|| copied(raw, &[])));
        println!("environ  {name:<8} and set   {:>6} ns", best(|| copied(raw, &DIFFERENT)));
    }
    for application in ["hello", "generator"] {
        for (name, raw) in [("hello", HELLO), ("browser", BROWSER)] {
            println!(
                "request  {name:<8} {application:<9} {:>6} ns",
                best(|| serve(raw, application))
            );
        }
    }
}

/// Nanoseconds of one out of `REQUESTS`, in the best loop.
fn best(mut run: impl FnMut() -> Duration) -> u128 {
    (0..LOOPS).map(|_| run().as_nanos() / u128::from(REQUESTS)).min().unwrap_or_default()
}

fn environ(raw: &str) -> Duration {
    let (head, client) = (head(raw), client());
    Python::attach(|py| {
        let mut builder = EnvironBuilder::new(py, &application(py, "hello")).expect("a builder");
        let begun = Instant::now();
        for _ in 0..REQUESTS {
            builder.build(py, &head, &client).expect("an environ");
        }
        begun.elapsed()
    })
}

fn copied(raw: &str, set_again: &[&str]) -> Duration {
    let (head, client) = (head(raw), client());
    Python::attach(|py| {
        let mut builder = EnvironBuilder::new(py, &application(py, "hello")).expect("a builder");
        let template = builder.build(py, &head, &client).expect("an environ");
        let value = |key| (PyString::intern(py, key), template.get_item(key).expect("a value"));
        let values: Vec<_> = set_again.iter().copied().map(value).collect();
        let begun = Instant::now();
        for _ in 0..REQUESTS {
            let copy = template.copy().expect("a copy");
            for (key, value) in &values {
                copy.set_item(key, value).expect("a place");
            }
        }
        begun.elapsed()
    })
}

fn serve(raw: &str, name: &str) -> Duration {
    let application = Python::attach(|py| application(py, name));
    let source = Arc::new(Endless {
        head: head(raw),
        client: client(),
        presence: Arc::new(Here),
        now: Instant::now(),
        progress: Mutex::default(),
        finished: Condvar::new(),
    });
    let exchanges: Arc<dyn Exchanges> = Arc::<Endless>::clone(&source);
    let _worker = application.start_worker("maitred-1", exchanges).expect("a thread");
    let progress = source.progress.lock().expect("no panic");
    let unfinished = |progress: &mut Progress| progress.ended.is_none();
    let progress = source.finished.wait_while(progress, unfinished).expect("no panic");
    match (progress.begun, progress.ended) {
        (Some(begun), Some(ended)) => ended - begun,
        _ => Duration::ZERO,
    }
}

fn head(raw: &str) -> Arc<RequestHead> {
    let mut input = raw.as_bytes();
    match Decoder::new(Arc::new(Limits::default())).decode(&mut input) {
        Decoded::Head(head) => head,
        other => unreachable!("{other:?}"),
    }
}

fn client() -> Client {
    let address = "127.0.0.1:40123".parse().expect("an address");
    Client { peer: Arc::new(Peer::tcp(address)), forwarded: Forwarded::Cleared, listener: 0 }
}

fn application(py: Python<'_>, name: &str) -> WsgiApplication {
    let variables = ServerVariables {
        listeners: vec![ListenerVariables {
            server_name: "maitred.invalid".to_owned(),
            server_port: "8080".to_owned(),
        }],
        url_scheme: "http".to_owned(),
        url_prefix: String::new(),
        leading_slashes: LeadingSlashes::Collapsed,
        ident: "maitred".to_owned(),
        threads: 4,
        is_multiprocess: false,
        error_output: ErrorOutput::Log,
        expose_tracebacks: false,
        logged_environ: Vec::new(),
    };
    let globals = PyDict::new(py);
    let code = std::ffi::CString::new(APPLICATIONS).expect("no NUL");
    py.run(&code, Some(&globals), None).expect("applications");
    let callable = globals.get_item(name).ok().flatten().expect("the application").unbind();
    WsgiApplication::new(py, callable, &variables, Arc::new(Silent)).expect("an application")
}

struct Silent;

impl ErrorLines for Silent {
    fn written(&self, _text: &str) {}
    fn flush(&self) {}
}

impl Log for Silent {
    fn raised(&self, raised: &Raised<'_>) {
        println!("{}", raised.traceback);
    }

    fn noted(&self, _level: Level, _text: &str) {}
}

struct Here;

impl Presence for Here {
    fn is_gone(&self) -> bool {
        false
    }
}

/// The same request again and again, then no more.
struct Endless {
    head: Arc<RequestHead>,
    client: Client,
    presence: Arc<dyn Presence>,
    now: Instant,
    progress: Mutex<Progress>,
    finished: Condvar,
}

#[derive(Default)]
struct Progress {
    given: u32,
    begun: Option<Instant>,
    ended: Option<Instant>,
}

impl Exchanges for Endless {
    fn try_next(&self) -> Option<Exchange> {
        let mut progress = self.progress.lock().expect("no panic");
        if progress.given == REQUESTS {
            progress.ended = Some(Instant::now());
            self.finished.notify_all();
            return None;
        }
        if progress.given == 0 {
            progress.begun = Some(Instant::now());
        }
        progress.given += 1;
        Some(Exchange {
            head: Arc::clone(&self.head),
            client: self.client.clone(),
            body: Body::Empty,
            reply: Box::new(Nowhere(Arc::clone(&self.presence))),
            queued_at: self.now,
            queued_for: Duration::ZERO,
            request_id: None,
        })
    }

    fn wait(&self) -> Wake {
        Wake::Closed
    }

    fn should_yield(&self) -> bool {
        false
    }
}

struct Nowhere(Arc<dyn Presence>);

impl Reply for Nowhere {
    fn head(&mut self, _head: ResponseHead) {}
    fn chunk(&mut self, _chunk: Chunk<'_>) -> Flow {
        Flow::Continue
    }
    fn wait(&mut self) -> Flow {
        Flow::Continue
    }
    fn file(&mut self, _file: FileBody) -> Flow {
        Flow::Continue
    }
    fn finish(&mut self, _last: Chunk<'_>) -> Flow {
        Flow::Continue
    }
    fn fail(&mut self, _fault: ApplicationFault) {}
    fn presence(&self) -> Weak<dyn Presence> {
        Arc::downgrade(&self.0)
    }
}
