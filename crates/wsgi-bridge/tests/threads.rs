//! Tests of worker threads as applications see them, and of the GIL.

mod support;

#[cfg(unix)]
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
#[cfg(unix)]
use std::time::Duration;

use maitred_http_parser::exchange::{Application, Exchanges, StackUnavailable};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use support::source::{PATIENCE, Source};
use support::{Server, Wire};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn a_worker_is_a_python_thread_with_its_own_name() {
    let server = Server::new(
        r#"
import threading
def application(environ, start_response):
    thread = threading.current_thread()
    start_response("200 OK", [])
    return [repr((thread.name, thread.daemon, type(thread) is threading.Thread)).encode()]
"#,
    );
    assert_eq!(server.get("/").body_text(), "('maitred-1', True, True)");
}

#[test]
fn a_program_may_start_the_threads_itself_and_their_stacks_are_known() {
    let server = Server::new(
        r#"
import threading
arrived, may_go_on, ended = threading.Event(), threading.Event(), threading.Event()
def start_thread(main):
    def run():
        main()
        ended.set()
    threading.Thread(target=run, name="own", daemon=True).start()
def application(environ, start_response):
    arrived.set()
    may_go_on.wait()
    start_response("200 OK", [])
    return [threading.current_thread().name.encode()]
"#,
    );
    let pending = server.begin(Wire::new(REQUEST));
    server.evaluate::<bool>("arrived.wait()");
    let stack = server.worker.stack(PATIENCE).unwrap();
    server.evaluate::<Option<bool>>("may_go_on.set()");
    assert!(stack.contains("in application"), "{stack}");
    assert_eq!(pending.take().body_text(), "own");
    server.source.close();
    assert!(server.evaluate::<bool>("ended.wait()"));
    assert!(server.worker.is_finished());
}

#[test]
fn what_a_thread_keeps_for_itself_lasts_from_one_request_to_the_next() {
    let server = Server::new(
        r#"
import contextvars, threading
local = threading.local()
def application(environ, start_response):
    local.count = getattr(local, "count", 0) + 1
    start_response("200 OK", [])
    return [str(local.count).encode()]
"#,
    );
    let counts: Vec<String> = (0..3).map(|_| server.get("/").body_text()).collect();
    assert_eq!(counts, ["1", "2", "3"]);
}

#[test]
fn each_worker_has_its_own_thread_and_they_run_at_the_same_time() {
    let server = Server::new(
        r#"
import threading
both = threading.Barrier(2)
def application(environ, start_response):
    both.wait()
    start_response("200 OK", [])
    return [threading.current_thread().name.encode()]
"#,
    );
    let exchanges: Arc<dyn Exchanges> = Arc::<Source>::clone(&server.source);
    let second = server.application.start_worker("maitred-2", exchanges).unwrap();
    let pending = [server.begin(Wire::new(REQUEST)), server.begin(Wire::new(REQUEST))];
    let mut names = pending.map(|pending| pending.take().body_text());
    names.sort();
    assert_eq!(names, ["maitred-1", "maitred-2"]);
    assert!(!second.is_finished());
}

#[test]
fn the_interpreter_is_free_while_a_worker_waits_for_work() {
    let server = Server::new("def application(environ, start_response): pass");
    // Needs the lock, which the idle worker therefore does not have.
    assert!(server.evaluate::<bool>("callable(application)"));
}

#[test]
fn debuggers_and_profilers_that_trace_threads_see_the_application() {
    let server = Server::new(
        r#"
import threading
calls = set()
def trace(frame, event, argument):
    if event == "call": calls.add(frame.f_code.co_name)
threading.settrace(trace)
def application(environ, start_response):
    start_response("200 OK", [])
    return [b""]
"#,
    );
    server.get("/");
    assert!(server.evaluate::<bool>("'application' in calls"));
    server.evaluate::<Option<bool>>("threading.settrace(None)");
}

#[test]
fn faulthandler_shows_what_a_worker_does() {
    let server = Server::new(
        r#"
import faulthandler, tempfile
def application(environ, start_response):
    with tempfile.TemporaryFile() as file:
        faulthandler.dump_traceback(file)
        file.seek(0)
        start_response("200 OK", [])
        return [file.read()]
"#,
    );
    assert!(server.get("/").body_text().contains("line 5 in application"));
}

#[test]
fn a_thread_of_the_applications_may_outlive_its_request() {
    let server = Server::new(
        r#"
import threading
may_end = threading.Event()
seen = []
threads = []
def application(environ, start_response):
    def work():
        may_end.wait()
        seen.append((environ["PATH_INFO"], environ["wsgi.input"].read(), environ["maitred.client_disconnected"]()))
    threads.append(threading.Thread(target=work))
    threads[-1].start()
    start_response("200 OK", [])
    return [b"accepted"]
"#,
    );
    let connections = ["/job", "/other"].map(|path| {
        let raw = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        let pending = server.begin(Wire::new(raw.as_bytes()));
        assert_eq!(pending.take().body(), b"accepted");
        pending
    });
    server.evaluate::<Option<bool>>("may_end.set()");
    server.evaluate::<Vec<Option<bool>>>("[thread.join() for thread in threads]");
    drop(connections); // the clients were there until now
    assert!(
        server.evaluate::<bool>("sorted(seen) == [('/job', b'', False), ('/other', b'', False)]")
    );
}

#[test]
fn write_may_be_called_from_another_thread() {
    let server = Server::new(
        r#"
import threading
def application(environ, start_response):
    write = start_response("200 OK", [("Content-Length", "200")])
    threads = [threading.Thread(target=lambda: [write(b"x") for _ in range(50)]) for _ in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    return []
"#,
    );
    assert_eq!(server.get("/").body(), [b'x'; 200]);
}

/// How often a thread of the application's own has run.
static TICKS: AtomicU64 = AtomicU64::new(0);

/// How often it had, when each request was answered.
static SEEN: Mutex<Vec<u64>> = Mutex::new(Vec::new());

#[pyfunction]
fn tick() {
    TICKS.fetch_add(1, Ordering::Relaxed);
}

/// A WSGI application without a line of Python, which never comes to where CPython looks whether
/// another thread wants its lock.
#[pyfunction]
fn native_application<'py>(
    _environ: Bound<'py, PyAny>,
    start_response: Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyList>> {
    let py = start_response.py();
    start_response.call1(("200 OK", PyList::empty(py)))?;
    SEEN.lock().unwrap().push(TICKS.load(Ordering::Relaxed));
    PyList::new(py, [PyBytes::new(py, b"native")])
}

#[test]
fn other_threads_run_beside_an_application_that_never_gives_the_lock_up() {
    Python::initialize();
    Python::attach(|py| {
        let builtins = py.import("builtins").unwrap();
        builtins.setattr("tick", wrap_pyfunction!(tick, py).unwrap()).unwrap();
        let native = wrap_pyfunction!(native_application, py).unwrap();
        builtins.setattr("native_application", native).unwrap();
    });
    let server = Server::new(
        r#"
import threading
application = native_application
def run():
    while True: tick()
threading.Thread(target=run, daemon=True).start()
"#,
    );
    for yields in [false, true] {
        server.source.yields.store(yields, Ordering::Relaxed);
        // All of them come before the worker can have the lock, so that it never waits for one.
        let answers: Vec<_> =
            Python::attach(|_| (0..5000).map(|_| server.begin(Wire::new(REQUEST))).collect());
        server.source.wait_until_idle();
        for answer in answers {
            assert_eq!(answer.take().body(), b"native");
        }
        let seen = std::mem::take(&mut *SEEN.lock().unwrap());
        assert_eq!(seen.len(), 5000);
        assert_eq!(seen.first() < seen.last(), yields);
    }
}

#[test]
fn a_worker_ends_when_no_more_work_will_come() {
    let server = Server::new(
        r#"
import threading
thread = None
def application(environ, start_response):
    global thread
    thread = threading.current_thread()
    start_response("200 OK", [])
    return [b""]
"#,
    );
    server.get("/");
    assert!(!server.worker.is_finished());
    server.source.close();
    server.evaluate::<Option<bool>>("thread.join()");
    assert!(server.worker.is_finished());
    assert_eq!(server.worker.stack(PATIENCE), Err(StackUnavailable::NotRunning));
}

#[test]
fn a_worker_that_a_panic_ends_leaves_its_place_to_the_others() {
    let server = Server::new(
        r#"
def application(environ, start_response):
    start_response("200 OK", [])
    return [b"served"]
"#,
    );
    server.source.panics.store(true, Ordering::Relaxed);
    let pending = server.begin(Wire::new(REQUEST));
    server.source.wait_until_left();
    let exchanges: Arc<dyn Exchanges> = Arc::<Source>::clone(&server.source);
    let second = server.application.start_worker("maitred-2", exchanges).unwrap();
    assert_eq!(pending.take().body(), b"served");
    assert!(!second.is_finished());
}

#[test]
fn the_stack_of_a_worker_is_the_applications_own() {
    let server = Server::new(
        r#"
import threading
threading.__file__ = "library.zip/threading.pyc"  # as in a program that brings it along
arrived, may_go_on = threading.Event(), threading.Event()
def query():
    arrived.set()
    may_go_on.wait()
def application(environ, start_response):
    query()
    start_response("200 OK", [])
    return [b"done"]
"#,
    );
    let pending = server.begin(Wire::new(REQUEST));
    server.evaluate::<bool>("arrived.wait()");
    let stack = server.worker.stack(PATIENCE).unwrap();
    server.evaluate::<Option<bool>>("may_go_on.set()");
    let lines: Vec<&str> = stack.lines().collect();
    assert_eq!(lines[0], "  File \"<string>\", line 9, in application", "{stack}");
    assert!(lines[1].contains("in query"), "{stack}");
    assert!(!stack.contains("_bootstrap"), "{stack}");
    assert_eq!(pending.take().body(), b"done");
    server.source.wait_until_idle();
    assert_eq!(server.worker.stack(PATIENCE), Err(StackUnavailable::NotRunning));
}

#[test]
fn all_who_ask_for_a_stack_at_once_get_it() {
    let server = Server::new(
        r#"
import threading
arrived, may_go_on = threading.Event(), threading.Event()
def application(environ, start_response):
    arrived.set()
    may_go_on.wait()
    start_response("200 OK", [])
    return [b"done"]
"#,
    );
    let pending = server.begin(Wire::new(REQUEST));
    server.evaluate::<bool>("arrived.wait()");
    let worker = &*server.worker;
    std::thread::scope(|scope| {
        // They begin to ask while nobody can be answered.
        let ask = || worker.stack(PATIENCE);
        let asking: Vec<_> = Python::attach(|_| (0..8).map(|_| scope.spawn(ask)).collect());
        for asker in asking {
            assert!(asker.join().unwrap().unwrap().contains("in application"));
        }
    });
    server.evaluate::<Option<bool>>("may_go_on.set()");
    assert_eq!(pending.take().body(), b"done");
}

#[test]
#[cfg(unix)]
fn whoever_asks_for_a_stack_is_not_held_up_by_a_lock_that_is_not_given_back() {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let descriptor = std::os::fd::AsRawFd::as_raw_fd(&reader);
    let (told, mut tell) = std::io::pipe().unwrap();
    let tell_descriptor = std::os::fd::AsRawFd::as_raw_fd(&tell);
    let server = Server::new(&format!(
        r#"
import ctypes
libc = ctypes.PyDLL(None)  # keeps the lock during its calls
def application(environ, start_response):
    buffer = ctypes.create_string_buffer(1)
    libc.write({tell_descriptor}, b"x", 1)
    libc.read({descriptor}, buffer, 1)
    start_response("200 OK", [])
    return [b"done"]
"#
    ));
    let pending = server.begin(Wire::new(REQUEST));
    let mut told = told;
    std::io::Read::read_exact(&mut told, &mut [0]).unwrap();
    for _ in 0..3 {
        assert_eq!(server.worker.stack(Duration::from_millis(1)), Err(StackUnavailable::Busy));
    }
    assert!(!server.worker.is_finished());
    writer.write_all(b"x").unwrap();
    assert_eq!(pending.take().body(), b"done");
    tell.flush().unwrap();
    drop(reader);
}

#[test]
#[cfg(unix)]
fn a_child_that_is_forked_in_a_request_leaves_the_parent_alone() {
    let server = Server::new(
        r#"
import multiprocessing, os, subprocess, sys, warnings
warnings.simplefilter("ignore")  # of forking with threads, which is what is tested
context = multiprocessing.get_context("fork")
def leave(queue): queue.put("from a process")
def application(environ, start_response):
    match environ["PATH_INFO"]:
        case "/exit":
            child = os.fork()
            if child == 0: os._exit(7)
            result = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        case "/process":
            queue = context.SimpleQueue()
            process = context.Process(target=leave, args=(queue,))
            process.start()
            result = queue.get()
            process.join()
        case "/subprocess":
            result = subprocess.check_output(["echo", "from a program"]).decode().strip()
    start_response("200 OK", [])
    return [str(result).encode()]
"#,
    );
    for (path, result) in
        [("/exit", "7"), ("/process", "from a process"), ("/subprocess", "from a program")]
    {
        assert_eq!(server.get(path).body_text(), result);
    }
}

#[test]
#[cfg(unix)]
fn a_forked_child_never_answers_for_its_parent() {
    let server = Server::new(
        r#"
import os, warnings
warnings.simplefilter("ignore")
def run(body, way):
    child = os.fork()
    if child == 0:
        if way == "/raise": raise SystemExit
        if way == "/write":
            try: body(b"from the child")
            except RuntimeError: os._exit(1)
            os._exit(2)
        return b"from the child"
    return str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode()
def application(environ, start_response):
    way = environ["PATH_INFO"]
    write = start_response("200 OK", [])
    if way == "/iterate":
        return (run(write, way) for _ in "x")
    return [run(write, way)]
"#,
    );
    for (path, code) in [("/return", "70"), ("/raise", "70"), ("/iterate", "70"), ("/write", "1")] {
        let response = server.get(path);
        assert!(response.text().contains(&format!("\r\n{code}")), "{path}: {}", response.text());
        assert!(!response.text().contains("child"), "{path}");
    }
    assert_eq!(server.log.exceptions(), [""; 0]);
}
