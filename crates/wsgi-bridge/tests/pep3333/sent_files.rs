//! When, and by which thread, a file is closed that the server has sent.

#![cfg(unix)]

use std::sync::{Arc, atomic::Ordering};

use pyo3::panic::PanicException;

use crate::support::{Server, Wire, client::Files};

/// An application that counts how often its file has been closed, and what it says then.
const CLOSES: &str = r#"
import tempfile, threading
closed, closed_by = [], []
waits, gate = threading.Event(), threading.Event()
class Body:
    def __init__(self, path):
        self.file = tempfile.TemporaryFile()
        self.file.write(b"0123456789")
        self.file.seek(0)
        self.path = path
    read = property(lambda self: self.file.read)
    fileno = property(lambda self: self.file.fileno)
    tell = property(lambda self: self.file.tell)
    def close(self):
        closed.append(self.path)
        closed_by.append(threading.current_thread().name)
        self.file.truncate(0)
        self.file.close()
        if self.path == "/raises": raise RuntimeError("in close()")
        if self.path == "/panics": raise PanicException("in close()")
def application(environ, start_response):
    start_response("200 OK", [])
    if environ["PATH_INFO"] == "/closed": return [repr(closed).encode()]
    if environ["PATH_INFO"] == "/waits":
        waits.set()
        gate.wait()
        return []
    return environ["wsgi.file_wrapper"](Body(environ["PATH_INFO"]))
"#;

fn with_files(path: &str, files: &Files) -> Wire {
    let raw = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    Wire { files: Some(Files::clone(files)), ..Wire::new(raw.as_bytes()) }
}

#[test]
fn a_file_is_closed_when_its_last_byte_has_left_and_not_before() {
    let server = Server::new(CLOSES);
    let files = Files::default();
    for path in ["/1", "/2"] {
        assert_eq!(server.ask(with_files(path, &files)).from_file, 10);
    }
    server.source.housekeep_now();
    assert_eq!(server.get("/closed").body_text(), "[]");
    // The server's own thread drops them, which is not attached to the interpreter.
    for (left, expected) in [(1, "['/2']"), (0, "['/2', '/1']")] {
        let owner = files.lock().unwrap().pop();
        std::thread::spawn(move || drop(owner)).join().unwrap();
        assert_eq!(files.lock().unwrap().len(), left);
        server.source.wait_until_idle();
        assert_eq!(server.evaluate::<String>("repr(closed)"), expected);
    }
}

#[test]
fn a_file_that_was_sent_is_closed_before_the_next_request() {
    let server = Server::new(CLOSES);
    // Sent by the worker itself ...
    server.get("/1");
    assert_eq!(server.get("/closed").body_text(), "['/1']");
    // ... without content, to a client that has left, or by another thread in the meantime.
    server.request("HEAD /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    let files = Files::default();
    server.ask(with_files("/3", &files));
    files.lock().unwrap().clear();
    assert_eq!(server.get("/closed").body_text(), "['/1', '/2', '/3']");
}

#[test]
fn a_close_that_raises_after_the_last_byte_is_logged_with_its_request() {
    let server = Server::new(CLOSES);
    let files = Files::default();
    server.ask(with_files("/raises", &files));
    assert_eq!(server.log.exceptions(), [""; 0]);
    files.lock().unwrap().clear();
    server.source.wait_until_idle();
    assert_eq!(server.log.exceptions(), ["close RuntimeError"]);
    assert_eq!(server.log.exception().request, "GET /raises");
}

#[test]
fn a_close_that_panics_after_the_last_byte_costs_no_other_request() {
    let server = Server::new(CLOSES);
    server.define("PanicException", |py| py.get_type::<PanicException>().into_any().unbind());
    let files = Files::default();
    for path in ["/1", "/panics", "/2"] {
        server.ask(with_files(path, &files));
    }
    // Closed by the worker that has just taken the next request.
    server.source.ignores_housekeeping.store(true, Ordering::Relaxed);
    files.lock().unwrap().clear();
    assert_eq!(server.get("/closed").body_text(), "['/1', '/panics', '/2']");
    let noted = server.log.noted.lock().unwrap();
    assert!(noted[0].contains("panicked while closing the file of GET /panics"), "{noted:?}");
    assert!(!server.worker.is_finished());
}

/// Lets go of all files as the server's own thread does.
fn send_all(files: &Files) {
    let files = Arc::clone(files);
    std::thread::spawn(move || files.lock().unwrap().clear()).join().unwrap();
}

#[test]
fn a_file_is_closed_by_the_thread_that_ran_the_application() {
    let server = Server::new(CLOSES);
    let (_second, others) = server.second_worker();
    let files = Files::default();
    server.ask(with_files("/1", &files));
    server.source.ignores_housekeeping.store(true, Ordering::Relaxed);
    send_all(&files);
    others.housekeep_now();
    assert_eq!(server.evaluate::<String>("repr(closed)"), "[]");
    server.source.ignores_housekeeping.store(false, Ordering::Relaxed);
    server.source.housekeep_now();
    assert_eq!(server.evaluate::<String>("repr(closed_by)"), "['maitred-1']");
}

#[test]
fn the_files_of_a_worker_whose_request_takes_too_long_are_closed_by_another() {
    let server = Server::new(CLOSES);
    let (_second, others) = server.second_worker();
    let (before, after) = (Files::default(), Files::default());
    server.ask(with_files("/before", &before));
    server.ask(with_files("/after", &after));
    let waits = server.begin(Wire::new(b"GET /waits HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert!(server.evaluate::<bool>("waits.wait(60)"));
    send_all(&before);
    others.housekeep_now();
    assert_eq!(server.evaluate::<String>("repr(closed)"), "[]");
    server.worker.timed_out();
    others.housekeep_now();
    assert_eq!(server.evaluate::<String>("repr(closed)"), "['/before']");
    send_all(&after);
    others.housekeep_now();
    assert_eq!(server.evaluate::<String>("repr(closed)"), "['/before', '/after']");
    // It has come back, and closes the files of its next requests.
    assert!(server.evaluate::<bool>("gate.set() is None"));
    assert_eq!(waits.take().body(), b"");
    server.source.wait_until_idle();
    let files = Files::default();
    server.ask(with_files("/again", &files));
    send_all(&files);
    server.source.wait_until_idle();
    let closed_by = server.evaluate::<String>("repr(closed_by)");
    assert_eq!(closed_by, "['maitred-2', 'maitred-2', 'maitred-1']");
}

#[test]
fn the_files_of_a_worker_that_has_ended_are_closed_by_another() {
    let server = Server::new(CLOSES);
    let (_second, others) = server.second_worker();
    let (before, after) = (Files::default(), Files::default());
    server.ask(with_files("/before", &before));
    server.ask(with_files("/after", &after));
    server.source.ignores_housekeeping.store(true, Ordering::Relaxed);
    send_all(&before);
    server.source.panics.store(true, Ordering::Relaxed);
    let _never_served = server.begin(Wire::new(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    while !server.worker.is_finished() {
        std::thread::yield_now();
    }
    send_all(&after);
    others.housekeep_now();
    let closed = server.evaluate::<String>("repr(list(zip(closed, closed_by)))");
    assert_eq!(closed, "[('/before', 'maitred-2'), ('/after', 'maitred-2')]");
}

#[test]
fn a_worker_that_ends_closes_what_was_sent() {
    let server = Server::new(CLOSES);
    let files = Files::default();
    server.ask(with_files("/1", &files));
    server.source.close();
    std::thread::spawn(move || files.lock().unwrap().clear()).join().unwrap();
    while !server.worker.is_finished() {
        std::thread::yield_now();
    }
}
