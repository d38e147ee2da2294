//! "The start_response() Callable", "Error Handling", and "The write() Callable".

use crate::support::{Response, Server};

/// Calls start_response with what the expressions say, and answers with the exception it met.
fn refusal(arguments: &str) -> String {
    let server = Server::new(&format!(
        r#"
def application(environ, start_response):
    try:
        start_response({arguments})
    except Exception as error:
        start_response("500 Refused", [])
        return [f"{{type(error).__name__}}: {{error}}".encode()]
    return [b"taken"]
"#
    ));
    server.get("/").body_text()
}

#[track_caller]
fn refused(arguments: &str, kind: &str, about: &str) {
    let refusal = refusal(arguments);
    assert!(refusal.starts_with(kind) && refusal.contains(about), "{arguments}: {refusal}");
}

#[test]
fn a_status_is_a_str_of_three_digits_a_space_and_a_reason() {
    refused("b'200 OK', []", "AssertionError", "str");
    refused("200, []", "AssertionError", "str");
    for status in ["200", "20 OK", "abc", "", " 200 OK", "2000 OK"] {
        refused(&format!("{status:?}, []"), "ValueError", "status");
    }
}

#[test]
fn header_names_and_values_are_str() {
    refused("'200 OK', [(b'X', 'y')]", "AssertionError", "name");
    refused("'200 OK', [('X', b'y')]", "AssertionError", "value");
    refused("'200 OK', [('X', 1)]", "AssertionError", "value");
}

#[test]
fn a_header_is_a_pair() {
    refused("'200 OK', [('X',)]", "ValueError", "pair");
    refused("'200 OK', [('X', 'y', 'z')]", "ValueError", "pair");
    refused("'200 OK', [None]", "TypeError", "");
    refused("'200 OK', None", "TypeError", "");
}

#[test]
fn a_line_break_or_a_nul_is_refused_anywhere() {
    for bad in [r"a\r\nb", r"a\nb", r"a\rb", r"a\0b"] {
        refused(&format!("'200 {bad}', []"), "ValueError", "status");
        refused(&format!("'200 OK', [('{bad}', 'x')]"), "ValueError", "field name");
        refused(&format!("'200 OK', [('X', '{bad}')]"), "ValueError", "`X`");
    }
}

#[test]
fn a_character_beyond_latin_1_is_refused_anywhere() {
    for bad in [r"\u20ac", r"\ud800"] {
        refused(&format!("'200 {bad}', []"), "ValueError", "status");
        refused(&format!("'200 OK', [('{bad}', 'x')]"), "ValueError", "name");
        refused(&format!("'200 OK', [('X', '{bad}')]"), "ValueError", "value");
    }
}

#[test]
fn a_header_name_is_a_token() {
    for bad in ["", "a b", "a:", "caf\u{e9}", "(a)"] {
        refused(&format!("'200 OK', [({bad:?}, 'x')]"), "ValueError", "field name");
    }
}

#[test]
fn hop_by_hop_headers_are_the_servers() {
    for name in ["Connection", "keep-alive", "TRANSFER-ENCODING", "Upgrade", "TE", "Trailer"] {
        refused(&format!("'200 OK', [('{name}', 'x')]"), "AssertionError", "hop-by-hop");
    }
}

#[test]
fn a_content_length_is_digits_and_given_once() {
    for bad in ["", "-1", "1.0", "0x1", "many"] {
        refused(
            &format!("'200 OK', [('Content-Length', '{bad}')]"),
            "ValueError",
            "Content-Length",
        );
    }
    refused("'200 OK', [('Content-Length', '1'), ('content-length', '1')]", "ValueError", "twice");
}

fn served(python: &str) -> Response {
    Server::new(python).get("/")
}

#[test]
fn header_order_and_case_are_the_applications() {
    let response = served(
        r#"
def application(environ, start_response):
    start_response("201 Cr\xe9\xe9", [("ETag", "1"), ("etag", "2"), ("WWW-Authenticate", "x"), ("A", "\xe9")])
    return [b"x"]
"#,
    );
    assert_eq!(response.status(), "201 Cr\u{e9}\u{e9}");
    let fields = response.fields();
    let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names[..4], ["ETag", "etag", "WWW-Authenticate", "A"]);
    assert_eq!(response.field("a").as_deref(), Some("\u{e9}"));
}

#[test]
fn headers_may_be_anything_that_can_be_iterated() {
    for headers in ["(('A', '1'),)", "{'A': '1'}.items()", "iter([['A', '1']])"] {
        let response = served(&format!(
            r#"
def application(environ, start_response):
    start_response("200 OK", {headers})
    return [b"x"]
"#
        ));
        assert_eq!(response.field("a").as_deref(), Some("1"), "{headers}");
    }
}

#[test]
fn the_list_of_headers_may_be_changed_after_the_call() {
    let response = served(
        r#"
def application(environ, start_response):
    headers = [("A", "1")]
    start_response("200 OK", headers)
    headers.clear()
    return [b"x"]
"#,
    );
    assert_eq!(response.field("a").as_deref(), Some("1"));
}

#[test]
fn keywords_are_taken_as_waitress_takes_them() {
    let response = served(
        r#"
def application(environ, start_response):
    start_response(status="200 OK", headers=[], exc_info=None)
    return [b"x"]
"#,
    );
    assert_eq!(response.body(), b"x");
}

#[test]
fn a_second_call_without_exc_info_is_refused() {
    let server = Server::new(
        r#"
def application(environ, start_response):
    start_response("200 OK", [("A", "1")])
    start_response("201 Created", [])
    return [b"x"]
"#,
    );
    assert_eq!(server.get("/").status(), "500 Internal Server Error");
    assert_eq!(server.log.exception().exception, "AssertionError");
}

#[test]
fn exc_info_before_the_head_has_gone_replaces_everything() {
    let response = served(
        r#"
import sys
def application(environ, start_response):
    start_response("200 OK", [("A", "1"), ("Content-Length", "1")])
    try:
        raise KeyError("gone wrong")
    except KeyError:
        start_response("503 Sorry", [("B", "2")], sys.exc_info())
    return [b"an error page"]
"#,
    );
    assert_eq!(response.status(), "503 Sorry");
    assert_eq!(response.field("a"), None);
    assert_eq!(response.field("b").as_deref(), Some("2"));
    assert_eq!(response.field("content-length").as_deref(), Some("13"));
    assert_eq!(response.body(), b"an error page");
}

#[test]
fn exc_info_in_the_first_call_is_a_first_call() {
    let response = served(
        r#"
import sys
def application(environ, start_response):
    try:
        raise KeyError("early")
    except KeyError:
        start_response("500 Early", [], sys.exc_info())
    return [b"x"]
"#,
    );
    assert_eq!(response.status(), "500 Early");
}

#[test]
fn exc_info_after_the_head_has_gone_is_raised_again() {
    let server = Server::new(
        r#"
import sys
seen = []
def application(environ, start_response):
    start_response("200 OK", [])
    yield b"begun"
    try:
        raise KeyError("too late")
    except KeyError as error:
        try:
            start_response("500 Late", [], sys.exc_info())
        except KeyError as raised:
            seen.append(raised is error)
            raise
"#,
    );
    let response = server.get("/");
    assert!(response.text().contains("begun") && !response.text().contains("500"));
    assert!(!response.text().ends_with("0\r\n\r\n"), "an end that looks complete");
    assert_eq!(server.evaluate::<Vec<bool>>("seen"), [true]);
    let logged = server.log.exception();
    assert_eq!((logged.stage, logged.exception.as_str()), ("iterate", "KeyError"));
    assert!(
        logged.traceback.contains("raise KeyError(\"too late\")")
            || logged.traceback.contains("too late")
    );
}

#[test]
fn start_response_may_be_called_at_the_first_iteration() {
    let response = served(
        r#"
class Lazy:
    def __init__(self, environ, start_response):
        self.start_response = start_response
    def __iter__(self):
        self.start_response("200 OK", [("A", "1")])
        yield b"x"
application = Lazy
"#,
    );
    assert_eq!(response.field("a").as_deref(), Some("1"));
    assert!(response.text().contains('x'));
}

#[test]
fn start_response_is_of_no_use_after_the_response() {
    let server = Server::new(
        r#"
kept = []
def application(environ, start_response):
    kept.append((start_response, start_response("200 OK", [])))
    return [b"x"]
def misuse():
    refusals = []
    for call in (lambda: kept[0][0]("200 OK", []), lambda: kept[0][1](b"y")):
        try:
            call()
        except Exception as error:
            refusals.append(type(error).__name__)
    return refusals
"#,
    );
    server.get("/");
    assert_eq!(server.evaluate::<Vec<String>>("misuse()"), ["AssertionError", "BrokenPipeError"]);
    assert_eq!(server.get("/").body(), b"x");
}

#[test]
fn write_sends_before_it_returns_and_before_the_iterable() {
    let server = Server::new(
        r#"
def application(environ, start_response):
    write = start_response("200 OK", [("Content-Length", "6")])
    write(b"ab")
    write(b"")
    write(b"cd")
    return [b"ef"]
"#,
    );
    let response = server.get("/");
    assert_eq!(response.body(), b"abcdef");
    assert_eq!(response.writes.len(), 3);
}

#[test]
fn write_takes_bytes_only() {
    let server = Server::new(
        r#"
def application(environ, start_response):
    start_response("200 OK", [])("text")
    return []
"#,
    );
    assert_eq!(server.get("/").status(), "500 Internal Server Error");
    assert_eq!(server.log.exception().exception, "TypeError");
}

#[test]
fn the_reference_validator_finds_nothing_to_say() {
    let server = Server::new(
        r#"
from wsgiref.validate import validator
@validator
def application(environ, start_response):
    body = environ["wsgi.input"].read(100)
    environ["wsgi.errors"].write("checked\n")
    environ["wsgi.errors"].flush()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"got " + body]
"#,
    );
    let response = server.request(
        "POST /a?b HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nabc",
    );
    assert_eq!(server.log.exceptions(), [""; 0], "{:?}", server.log.raised.lock().unwrap());
    assert!(response.text().contains("got abc"), "{}", response.text());
    assert_eq!(server.log.lines(), ["checked"]);
}
