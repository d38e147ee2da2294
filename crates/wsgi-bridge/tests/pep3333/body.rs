//! "Buffering and Streaming", "Handling the Content-Length Header", and `close()`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use maitred_http_parser::connection::Outcome;

use crate::support::client::Outbox;
use crate::support::{Response, Server, Wire};

fn served(python: &str) -> Response {
    let server = Server::new(python);
    let response = server.get("/");
    assert_eq!(server.log.exceptions(), [""; 0], "{:?}", server.log.raised.lock().unwrap());
    response
}

#[test]
fn a_list_or_tuple_of_one_is_one_write_with_its_length() {
    for body in ["[b'hello']", "(b'hello',)"] {
        let response = served(&format!(
            r#"
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return {body}
"#
        ));
        assert_eq!(response.status(), "200 OK");
        assert_eq!(response.field("content-length").as_deref(), Some("5"));
        assert_eq!(response.body(), b"hello");
        assert_eq!(response.writes.len(), 1);
    }
}

#[test]
fn an_iterable_whose_len_is_one_is_sent_with_its_length() {
    let response = served(
        r#"
class One:
    def __len__(self): return 1
    def __iter__(self): return iter([b"hello"])
def application(environ, start_response):
    start_response("200 OK", [])
    return One()
"#,
    );
    assert_eq!(response.field("content-length").as_deref(), Some("5"));
    assert_eq!(response.writes.len(), 1);
}

#[test]
fn a_len_that_is_wrong_loses_nothing() {
    let response = served(
        r#"
class Liar:
    def __len__(self): return 1
    def __iter__(self): return iter([b"a", b"b", b"c"])
def application(environ, start_response):
    start_response("200 OK", [("Content-Length", "3")])
    return Liar()
"#,
    );
    assert_eq!(response.body(), b"abc");
}

#[test]
fn a_len_that_cannot_be_had_is_done_without() {
    for len in [
        "def __len__(self): raise RuntimeError('not yet known')",
        "def __len__(self): raise NotImplementedError",
        "def __len__(self): raise TypeError('it has none')",
        "def __len__(self): return -1",
        "def __len__(self): return 'one'",
        "def __len__(self): return 2 ** 80",
        "__len__ = None",
        "__len__ = property(lambda self: None)",
    ] {
        for chunks in ["[b'hello']", "[b'he', b'llo']"] {
            let response = served(&format!(
                r#"
class Body:
    {len}
    def __iter__(self): return iter({chunks})
def application(environ, start_response):
    start_response("200 OK", [("Content-Length", "5")])
    return Body()
"#
            ));
            assert_eq!(response.body(), b"hello", "{len}");
        }
    }
}

#[test]
fn an_exit_in_len_is_not_taken_for_a_missing_length() {
    let server = Server::new(
        r#"
class Body:
    def __len__(self): raise SystemExit
    def __iter__(self): return iter([b"hello"])
def application(environ, start_response):
    start_response("200 OK", [])
    return Body()
"#,
    );
    assert_eq!(server.get("/").status(), "500 Internal Server Error");
    assert_eq!(server.log.exceptions(), ["iterate SystemExit"]);
}

#[test]
fn a_close_that_is_none_is_no_close() {
    let response = served(
        r#"
class Body:
    close = None
    def __iter__(self): return iter([b"hello"])
def application(environ, start_response):
    start_response("200 OK", [("Content-Length", "5")])
    return Body()
"#,
    );
    assert_eq!(response.body(), b"hello");
}

#[test]
fn an_iter_that_is_none_makes_no_iterable() {
    let server = Server::new(
        r#"
class Body:
    __iter__ = None
def application(environ, start_response):
    start_response("200 OK", [])
    return Body()
"#,
    );
    assert_eq!(server.get("/").status(), "500 Internal Server Error");
    assert_eq!(server.log.exceptions(), [""; 0], "it is named as a fault");
}

/// Expressions of bytes-like objects with the bytes of `hello`.
const BYTES_LIKE: [&str; 7] = [
    "bytearray(b'hello')",
    "memoryview(b'hello')",
    "memoryview(bytearray(b'hello'))",
    "memoryview(b'h_e_l_l_o')[::2]",
    "memoryview(b'hello').cast('c')",
    "array.array('b', b'hello')",
    "type('Own', (bytes,), {})(b'hello')",
];

#[test]
fn a_chunk_may_be_any_bytes_like_object() {
    for chunk in BYTES_LIKE {
        for (body, length) in [("[{}]", 5), ("iter([{}])", 5), ("({}, {})", 10), ("[b'', {}]", 5)] {
            let body = body.replace("{}", chunk);
            let response = served(&format!(
                r#"
import array
def application(environ, start_response):
    start_response("200 OK", [("Content-Length", "{length}")])
    return {body}
"#
            ));
            assert_eq!(response.body(), b"hellohello"[..length].to_vec(), "{body}");
        }
        let response = served(&format!(
            r#"
import array
def application(environ, start_response):
    start_response("200 OK", [("Content-Length", "5")])({chunk})
    return []
"#
        ));
        assert_eq!(response.body(), b"hello", "write({chunk})");
    }
}

#[test]
fn a_chunk_of_wide_items_counts_in_bytes() {
    let response = served(
        r#"
import array
def application(environ, start_response):
    start_response("200 OK", [])
    return [memoryview(array.array("I", [0x01010101, 0x02020202]))]
"#,
    );
    assert_eq!(response.field("content-length").as_deref(), Some("8"));
    assert_eq!(response.body(), [1, 1, 1, 1, 2, 2, 2, 2]);
}

#[test]
fn a_chunk_that_the_application_uses_again_is_sent_as_it_was() {
    let response = served(
        r#"
def application(environ, start_response):
    start_response("200 OK", [("Content-Length", "200000")])
    chunk = bytearray(b"a" * 100_000)
    yield chunk
    chunk[:] = b"b" * 100_000
    yield chunk
"#,
    );
    assert!(response.body().starts_with(b"aaa") && response.body().ends_with(b"bbb"));
    assert_eq!(response.body().iter().filter(|&&byte| byte == b'a').count(), 100_000);
}

#[test]
fn an_empty_body_has_length_zero() {
    for body in ["[]", "()", "iter([])", "[b'', b'']", "[b'']"] {
        let response = served(&format!(
            r#"
def application(environ, start_response):
    start_response("200 OK", [])
    return {body}
"#
        ));
        assert_eq!(response.field("content-length").as_deref(), Some("0"), "{body}");
        assert_eq!(response.body(), b"", "{body}");
    }
}

#[test]
fn each_chunk_leaves_before_the_next_is_asked_for() {
    let server = Server::new(
        r#"
import threading
may_go_on = threading.Event()
def application(environ, start_response):
    start_response("200 OK", [])
    yield b"first"
    may_go_on.wait()
    yield b"second"
"#,
    );
    let pending = server.begin(Wire::new(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    pending.until(|response| response.text().contains("5\r\nfirst\r\n"));
    server.evaluate::<Option<bool>>("may_go_on.set()");
    let response = pending.take();
    assert!(response.text().ends_with("5\r\nfirst\r\n6\r\nsecond\r\n0\r\n\r\n"));
}

#[test]
fn empty_chunks_are_not_sent_and_do_not_send_the_head() {
    let response = served(
        r#"
import sys
def application(environ, start_response):
    start_response("200 OK", [])
    yield b""
    try:
        raise KeyError
    except KeyError:
        start_response("404 Not Found", [], sys.exc_info())
    yield b"a"
    yield b""
    yield b"b"
"#,
    );
    assert_eq!(response.status(), "404 Not Found");
    assert!(
        response.text().ends_with("\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n"),
        "{}",
        response.text()
    );
}

#[test]
fn what_is_beyond_the_declared_length_is_cut() {
    let response = served(
        r#"
def application(environ, start_response):
    start_response("200 OK", [("Content-Length", "3")])
    return [b"ab", b"cd", b"ef"]
"#,
    );
    assert_eq!(response.body(), b"abc");
    assert_eq!(response.outcome, Some(Outcome::Long { excess: 3 }));
}

#[test]
fn less_than_was_declared_is_told_to_the_server() {
    let response = served(
        r#"
def application(environ, start_response):
    start_response("200 OK", [("Content-Length", "5")])
    return [b"ab"]
"#,
    );
    assert_eq!(response.outcome, Some(Outcome::Short { missing: 3 }));
}

#[test]
fn head_has_no_body_and_the_iterable_is_still_closed() {
    let server = Server::new(CLOSING);
    let response = server.request("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(response.body(), b"");
    assert_eq!(server.evaluate::<u32>("closed"), 1);
}

#[test]
fn a_body_that_nobody_gets_is_not_made_beyond_its_first_chunk_and_closed() {
    let server = Server::new(
        r#"
import itertools
made, closed = [], 0
class Endless:
    def __iter__(self):
        for number in itertools.count():
            made.append(number)
            yield b"" if number == 0 else b"chunk"
    def close(self):
        global closed
        closed += 1
def application(environ, start_response):
    start_response(environ["PATH_INFO"][1:] + " Status", [])
    return Endless()
"#,
    );
    for (request, status) in [("HEAD /200", "200"), ("GET /204", "204"), ("GET /304", "304")] {
        let response = server.request(format!("{request} HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert!(response.text().starts_with(&format!("HTTP/1.1 {status} ")), "{request}");
        assert!(!response.text().contains("Content-Length"), "{}", response.text());
        assert_eq!((response.body(), response.outcome), (Vec::new(), Some(Outcome::Complete)));
        assert!(server.evaluate::<bool>("made == [0, 1] and closed == 1"), "{request}");
        server.evaluate::<Option<bool>>("made.clear()");
        server.evaluate::<Option<bool>>("globals().update(closed=0)");
    }
}

#[test]
fn what_is_written_of_a_body_that_nobody_gets_is_no_mistake() {
    let server = Server::new(
        r#"
def application(environ, start_response):
    write = start_response("200 OK", [])
    write(b"written")
    write(b"and more")
    return [b"returned"]
"#,
    );
    let response = server.request("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((response.body(), response.outcome), (Vec::new(), Some(Outcome::Complete)));
    assert_eq!(server.log.exceptions(), [""; 0]);
}

const CLOSING: &str = r#"
closed = 0
after = lambda number: None
class Body:
    def __iter__(self):
        for number in range(3):
            after(number)
            yield b"chunk %d" % number
    def close(self):
        global closed
        closed += 1
def application(environ, start_response):
    start_response("200 OK", [])
    return Body()
"#;

#[test]
fn close_is_called_once_when_all_is_well() {
    let server = Server::new(CLOSING);
    server.get("/");
    assert_eq!(server.evaluate::<u32>("closed"), 1);
}

#[test]
fn close_is_called_once_when_the_iteration_raises() {
    for when in 0..3 {
        let server = Server::new(&format!(
            "{CLOSING}
def after(number):
    if number == {when}: raise ValueError(number)
"
        ));
        let response = server.get("/");
        assert_eq!(server.evaluate::<u32>("closed"), 1);
        assert_eq!(server.log.exceptions(), ["iterate ValueError"]);
        assert_eq!(response.outcome == Some(Outcome::Cut), when > 0);
    }
}

#[test]
fn close_is_called_once_when_the_client_goes() {
    let server = Server::new(CLOSING);
    let mut wire = Wire::new(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    wire.gone_after = Some(1);
    let response = server.ask(wire);
    assert_eq!(server.evaluate::<u32>("closed"), 1);
    assert!(response.text().contains("chunk 0") && !response.text().contains("chunk 1"));
    assert_eq!(response.fault, None);
    assert_eq!(server.log.exceptions(), [""; 0]);
}

#[test]
fn close_is_called_once_when_a_chunk_is_no_bytes() {
    let server = Server::new(&CLOSING.replace("b\"chunk %d\"", "\"chunk %d\""));
    assert_eq!(server.get("/").status(), "500 Internal Server Error");
    assert_eq!(server.evaluate::<u32>("closed"), 1);
}

#[test]
fn close_is_called_once_when_there_was_no_start_response() {
    let server = Server::new(&CLOSING.replace("start_response(\"200 OK\", [])", "pass"));
    assert_eq!(server.get("/").status(), "500 Internal Server Error");
    assert_eq!(server.evaluate::<u32>("closed"), 1);
}

#[test]
fn an_exception_in_close_is_logged_and_the_response_stands() {
    let server = Server::new(&CLOSING.replace("closed += 1", "closed += 1; raise OSError('disk')"));
    let response = server.get("/");
    assert_eq!(response.outcome, Some(Outcome::Complete));
    assert_eq!(server.log.exceptions(), ["close OSError"]);
    assert_eq!(server.evaluate::<u32>("closed"), 1);
}

#[test]
fn a_large_chunk_is_held_in_its_own_memory_and_given_back_to_an_attached_thread() {
    let server = Server::new(
        r#"
import sys
chunk = b"x" * 70_000
before = sys.getrefcount(chunk)
def application(environ, start_response):
    start_response("200 OK", [])
    return [chunk] if environ["PATH_INFO"] == "/one" else iter([chunk, b"small"])
"#,
    );
    let references = "sys.getrefcount(chunk) - before";
    for path in ["/one", "/two"] {
        let outbox = Outbox::default();
        let mut wire = Wire::new(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
        wire.outbox = Some(Arc::clone(&outbox));
        let response = server.ask(wire);
        assert_eq!(response.held_chunks, 1);
        assert!(response.text().contains(&"x".repeat(70_000)));
        // The server still holds it, and lets it go on a thread that knows no Python.
        assert_eq!(server.evaluate::<usize>(references), 1);
        std::thread::spawn(move || outbox.lock().unwrap().clear()).join().unwrap();
        server.source.housekeep_now();
        assert_eq!(server.evaluate::<usize>(references), 0);
    }
}

#[test]
fn a_chunk_with_code_of_its_own_is_released_by_the_thread_that_made_it() {
    let server = Server::new(
        r#"
import threading
released_by = []
class Chunk(bytes):
    def __del__(self):
        released_by.append(threading.current_thread().name)
def application(environ, start_response):
    start_response("200 OK", [])
    chunks = [Chunk(b"x" * 70_000), b"small"]
    return chunks[:1] if environ["PATH_INFO"] == "/one" else iter(chunks)
"#,
    );
    for (path, count) in [("/one", 1), ("/two", 2)] {
        let outbox = Outbox::default();
        let mut wire = Wire::new(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
        wire.outbox = Some(outbox);
        assert!(server.ask(wire).text().contains(&"x".repeat(70_000)));
        assert!(server.evaluate::<bool>(&format!("released_by == ['maitred-1'] * {count}")));
    }
}

#[test]
fn a_worker_that_waits_for_the_client_goes_on_when_there_is_room() {
    let server = Server::new(CLOSING);
    let takes_more = Arc::new(AtomicBool::new(false));
    let mut wire = Wire::new(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    wire.takes_more = Some(Arc::clone(&takes_more));
    let pending = server.begin(wire);
    pending.until(|response| response.text().contains("chunk 0"));
    // The interpreter is free meanwhile: this needs it.
    assert_eq!(server.evaluate::<u32>("closed"), 0);
    takes_more.store(true, Ordering::Relaxed);
    assert!(pending.take().text().ends_with("chunk 2\r\n0\r\n\r\n"));
}

#[test]
fn an_application_learns_that_its_client_has_gone() {
    let server = Server::new(
        r#"
seen = []
def application(environ, start_response):
    gone = environ["maitred.client_disconnected"]
    seen.append((gone(), gone is environ["waitress.client_disconnected"]))
    write = start_response("200 OK", [])
    try:
        write(b"x")
    finally:
        seen.append((gone(), True))
    return []
"#,
    );
    let mut wire = Wire::new(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    wire.gone_after = Some(0);
    server.ask(wire);
    assert!(server.evaluate::<bool>("seen == [(False, True), (True, True)]"));
    assert_eq!(server.log.exceptions(), [""; 0], "the client's leaving is no exception");
}
