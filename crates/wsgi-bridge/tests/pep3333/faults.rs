//! Tests of faults of the application: each affects only its own request.

use maitred_http_parser::ApplicationFault;
use maitred_http_parser::connection::Outcome;
use maitred_http_parser::fault::Stage;

use crate::support::{self, Server, Wire};

fn fault(python: &str) -> ApplicationFault {
    let server = Server::new(python);
    let response = server.get("/cart?token=secret");
    assert_eq!(response.status(), "500 Internal Server Error");
    let fault = response.fault.unwrap();
    let noted = server.log.noted.lock().unwrap();
    assert_eq!(*noted, [format!("Error: {fault}; the request was GET /cart")]);
    fault
}

#[test]
fn what_is_returned_is_an_iterable_of_bytes() {
    for (returned, expect) in [
        ("None", ApplicationFault::NotIterable("NoneType".to_owned())),
        ("5", ApplicationFault::NotIterable("int".to_owned())),
        ("'text'", ApplicationFault::NotIterable("str".to_owned())),
        ("b'bytes'", ApplicationFault::NotIterable("bytes".to_owned())),
        ("['text']", ApplicationFault::NotBytes("str".to_owned())),
        ("['text', 'more']", ApplicationFault::NotBytes("str".to_owned())),
        ("iter([None])", ApplicationFault::NotBytes("NoneType".to_owned())),
        ("bytearray(b'x')", ApplicationFault::NotIterable("bytearray".to_owned())),
        ("memoryview(b'x')", ApplicationFault::NotIterable("memoryview".to_owned())),
        ("[5]", ApplicationFault::NotBytes("int".to_owned())),
        ("[[b'x']]", ApplicationFault::NotBytes("list".to_owned())),
    ] {
        let python = format!(
            r#"
def application(environ, start_response):
    start_response("200 OK", [])
    return {returned}
"#
        );
        assert_eq!(fault(&python), expect, "{returned}");
    }
}

#[test]
fn start_response_comes_before_the_body() {
    for returned in ["[b'x']", "[]", "iter([b'x'])", "iter([])"] {
        let python = format!("def application(environ, start_response): return {returned}");
        assert_eq!(fault(&python), ApplicationFault::NotStarted, "{returned}");
    }
}

#[test]
fn a_text_chunk_where_no_body_was_declared_comes_after_the_head() {
    for body in ["return ['text']", "yield 'text'", "write('text'); return []"] {
        let server = Server::new(&format!(
            r#"
def application(environ, start_response):
    write = start_response("200 OK", [("Content-Length", "0")])
    {body}
"#
        ));
        let response = server.get("/");
        assert_eq!(response.status(), "200 OK", "{body}");
        assert_eq!(response.body(), b"");
        assert_eq!(response.outcome, Some(Outcome::Complete));
    }
}

#[test]
fn an_exception_before_the_head_is_500_and_logged_without_our_frames() {
    let server = Server::new(
        r#"
def find(table, number):
    return table[number]
def application(environ, start_response):
    start_response("200 OK", [])
    find({}, 7)
"#,
    );
    let response = server.get("/orders?id=7");
    assert_eq!(response.status(), "500 Internal Server Error");
    assert!(!response.text().contains("KeyError"));
    let logged = server.log.exception();
    assert_eq!(logged.request, "GET /orders?id=7");
    assert_eq!((logged.stage, logged.exception.as_str()), ("call", "KeyError"));
    let lines: Vec<&str> = logged.traceback.lines().collect();
    assert_eq!(lines[0], "Traceback (most recent call last):");
    assert_eq!(lines[1], "  File \"<string>\", line 6, in application");
    assert_eq!(lines.last(), Some(&"KeyError: 7"));
    assert!(logged.traceback.ends_with('\n'));
}

#[test]
fn a_traceback_is_shown_to_the_client_only_where_that_is_wanted() {
    let mut variables = support::variables();
    variables.expose_tracebacks = true;
    let server =
        Server::with_variables("def application(environ, start_response): 1 / 0", variables);
    let response = server.get("/");
    assert!(response.text().contains("ZeroDivisionError"));
    let Some(ApplicationFault::Raised { stage: Stage::Call, detail: Some(detail) }) =
        response.fault
    else {
        panic!("{:?}", response.fault)
    };
    assert!(detail.starts_with("Traceback (most recent call last):"));
}

#[test]
fn an_exception_after_the_head_cuts_the_response() {
    let server = Server::new(
        r#"
def application(environ, start_response):
    start_response("200 OK", [])
    yield b"begun"
    raise RuntimeError
"#,
    );
    let response = server.get("/");
    assert_eq!(response.outcome, Some(Outcome::Cut));
    assert!(!response.text().ends_with("0\r\n\r\n"));
}

#[test]
fn whatever_is_raised_costs_one_request_and_the_thread_lives_on() {
    let server = Server::new(
        r#"
import sys, threading
idents = set()
def application(environ, start_response):
    idents.add(threading.get_ident())
    match environ["PATH_INFO"]:
        case "/exit": sys.exit(3)
        case "/interrupt": raise KeyboardInterrupt
        case "/generator": raise GeneratorExit
        case "/stop": raise StopIteration
        case "/recursion": application(environ, start_response)
        case "/memory": raise MemoryError
        case "/unprintable": raise type("Odd", (Exception,), {"__str__": lambda self: 1 / 0})
        case "/late":
            start_response("200 OK", [])
            return (sys.exit() for _ in "x")
    start_response("200 OK", [])
    return [b"fine"]
"#,
    );
    for (path, exception) in [
        ("/exit", "call SystemExit"),
        ("/interrupt", "call KeyboardInterrupt"),
        ("/generator", "call GeneratorExit"),
        ("/stop", "call StopIteration"),
        ("/recursion", "call RecursionError"),
        ("/memory", "call MemoryError"),
        ("/unprintable", "call Odd"),
        ("/late", "iterate SystemExit"),
    ] {
        assert_eq!(server.get(path).status(), "500 Internal Server Error", "{path}");
        assert_eq!(server.log.exceptions().last().unwrap(), exception);
        assert_eq!(server.get("/").body(), b"fine");
    }
    assert_eq!(server.evaluate::<usize>("len(idents)"), 1);
}

#[test]
fn a_panic_costs_one_request_and_the_thread_lives_on() {
    let server = Server::new(
        r#"
kept = []
def application(environ, start_response):
    kept.append(start_response)
    start_response("200 OK", [])
    return iter([b"fine"])
"#,
    );
    let mut wire = Wire::new(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    wire.panics = true;
    let response = server.ask(wire);
    assert_eq!(response.fault, Some(ApplicationFault::Dropped));
    assert!(server.log.noted.lock().unwrap()[0].contains("panicked"));
    assert!(server.get("/").text().contains("fine"));
    assert!(!server.worker.is_finished());
}

#[test]
fn an_application_that_takes_other_arguments_is_told_so() {
    let server = Server::new("def application(environ): return []");
    assert_eq!(server.get("/").status(), "500 Internal Server Error");
    assert!(server.log.exception().traceback.contains("positional argument"));
}
