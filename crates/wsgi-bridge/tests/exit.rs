//! The process ends in peace while an application is still at work, whatever it is doing when the
//! interpreter shuts down. Each case is a process of its own: this program, called by itself.

#![expect(clippy::print_stdout, reason = "how a process tells that it got to its end")]

mod support;

use std::process::Command;

use support::{Server, Wire};

/// What the application does for ever. A long sleep would not do: the thread must want the
/// interpreter's lock back while it shuts down.
const CASES: [(&str, &str); 4] = [
    ("call", "while True: work()"),
    ("iterate", "return (work() for _ in forever)"),
    ("close", "return Closing()"),
    ("file", "return environ['wsgi.file_wrapper'](Endless())"),
];

const APPLICATION: &str = r#"
import itertools, threading
arrived = threading.Event()
forever = itertools.count()
def work():
    arrived.set()
    sum(range(1000))
    return b""
class Closing(list):
    def close(self):
        while True: work()
class Endless:
    def read(self, size):
        while True: work()
def application(environ, start_response):
    start_response("200 OK", [])
    BODY
"#;

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some(case) if CASES.iter().any(|(name, _)| *name == case) => end_while(case),
        _ => CASES.iter().for_each(|(name, _)| check(name)),
    }
}

fn check(case: &str) {
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program).arg(case).output().unwrap();
    assert!(output.status.success(), "{case}: {output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "ended\n", "{case}");
}

fn end_while(case: &str) {
    let (_, body) = CASES.iter().find(|(name, _)| *name == case).unwrap();
    let server = Server::new(&APPLICATION.replace("BODY", body));
    let _pending = server.begin(Wire::new(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert!(server.evaluate::<bool>("arrived.wait()"));
    std::mem::forget(server);
    finalize();
    println!("ended");
}

#[expect(unsafe_code, reason = "shutting the interpreter down is what is tested")]
fn finalize() {
    // SAFETY: this thread initialised the interpreter and is attached; it uses it no more.
    unsafe {
        pyo3::ffi::PyGILState_Ensure();
        pyo3::ffi::Py_FinalizeEx();
    }
}
