//! "Input and Error Streams".

use crate::support::{Server, Wire};

/// Evaluates an expression about `stream` and answers its value's `repr`.
fn about_input(expression: &str, body: &[u8], spools: bool) -> String {
    let server = Server::new(&format!(
        r#"
import io
def application(environ, start_response):
    stream = environ["wsgi.input"]
    start_response("200 OK", [])
    return [repr({expression}).encode()]
"#
    ));
    let mut raw = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len())
        .into_bytes();
    raw.extend_from_slice(body);
    let mut wire = Wire::new(&raw);
    wire.spools = spools;
    let response = server.ask(wire);
    assert_eq!(server.log.exceptions(), [""; 0], "{:?}", server.log.raised.lock().unwrap());
    response.body_text()
}

#[track_caller]
fn check(expression: &str, expect: &str) {
    for spools in [false, true] {
        assert_eq!(about_input(expression, b"one\ntwo\n\nlast", spools), expect, "{expression}");
    }
}

#[test]
fn every_way_to_read_is_right() {
    for read in ["read()", "read(-1)", "read(None)", "read(1000)"] {
        check(&format!("stream.{read}"), r"b'one\ntwo\n\nlast'");
    }
    check(
        "(stream.read(0), stream.read(2), stream.read(2), stream.read())",
        r"(b'', b'on', b'e\n', b'two\n\nlast')",
    );
    check("(stream.read(), stream.read(), stream.read(5))", r"(b'one\ntwo\n\nlast', b'', b'')");
    check(
        "(stream.readline(), stream.readline(2), stream.readline())",
        r"(b'one\n', b'tw', b'o\n')",
    );
    check("stream.readlines()", r"[b'one\n', b'two\n', b'\n', b'last']");
    check("stream.readlines(5)", r"[b'one\n', b'two\n']");
    check("list(stream)", r"[b'one\n', b'two\n', b'\n', b'last']");
    check("(next(stream), stream.read1(2))", r"(b'one\n', b'tw')");
    check("(stream.readinto(target := bytearray(3)), bytes(target))", "(3, b'one')");
}

#[test]
fn the_input_can_be_sought_and_wrapped() {
    check(
        "(stream.seekable(), stream.seek(4), stream.read(3), stream.tell())",
        "(True, 4, b'two', 7)",
    );
    check("(stream.seek(0, 2), stream.seek(0), stream.read(3))", "(13, 0, b'one')");
    check("io.BufferedReader(stream).readline()", r"b'one\n'");
    check("io.TextIOWrapper(stream, 'utf-8').read()", r"'one\ntwo\n\nlast'");
    check(
        "(stream.readable(), stream.closed, isinstance(stream, io.BufferedIOBase))",
        "(True, False, True)",
    );
}

#[test]
fn no_body_is_an_empty_input() {
    for read in ["read()", "read(5)", "readline()"] {
        assert_eq!(about_input(&format!("stream.{read}"), b"", false), "b''");
    }
    assert_eq!(
        about_input("(list(stream), stream.seek(0), stream.tell())", b"", false),
        "([], 0, 0)"
    );
}

#[test]
fn a_spooled_input_is_closed_with_its_request_and_one_in_memory_is_left_to_its_holder() {
    let server = Server::new(
        r#"
kept = []
def application(environ, start_response):
    kept.append(environ["wsgi.input"])
    start_response("200 OK", [])
    return [b""]
"#,
    );
    for spools in [false, true] {
        let mut wire = Wire::new(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
        wire.spools = spools;
        server.ask(wire);
    }
    assert_eq!(server.evaluate::<Vec<bool>>("[stream.closed for stream in kept]"), [false, true]);
}

#[test]
fn errors_are_lines_in_the_log() {
    let server = Server::new(
        r#"
import logging
def application(environ, start_response):
    errors = environ["wsgi.errors"]
    print("a", 1, file=errors)
    counts = [errors.write("b\r\nc"), errors.write("\xe9\u20ac\n\nd")]
    errors.flush()
    errors.writelines(["e", "f\n"])
    errors.write("g")
    start_response("200 OK", [])
    return [repr(counts).encode()]
"#,
    );
    assert_eq!(server.get("/").body_text(), "[4, 5]");
    assert_eq!(server.log.lines(), ["a 1", "b", "c\u{e9}\u{20ac}", "", "d", "ef", "g"]);
}

#[test]
fn errors_take_what_standard_error_takes() {
    let server = Server::new(
        r#"
import logging, traceback
def application(environ, start_response):
    errors = environ["wsgi.errors"]
    logger = logging.getLogger("shop")
    logger.propagate = False
    logger.addHandler(logging.StreamHandler(errors))
    logger.warning("low stock")
    try:
        1 / 0
    except ZeroDivisionError:
        traceback.print_exc(file=errors)
    start_response("200 OK", [])
    return [repr((errors.isatty(), errors.encoding, errors.closed)).encode()]
"#,
    );
    assert_eq!(server.get("/").body_text(), "(False, 'utf-8', False)");
    let lines = server.log.lines();
    assert_eq!(lines[0], "low stock");
    assert_eq!(lines.last().unwrap(), "ZeroDivisionError: division by zero");
}

#[test]
fn errors_of_two_threads_are_not_mixed_within_a_line() {
    let server = Server::new(
        r#"
import threading
def application(environ, start_response):
    errors = environ["wsgi.errors"]
    errors.write("one ")
    other = threading.Thread(target=lambda: errors.write("other\n"))
    other.start()
    other.join()
    errors.write("line\n")
    start_response("200 OK", [])
    return [b""]
"#,
    );
    server.get("/");
    assert_eq!(server.log.lines(), ["other", "one line"]);
}

#[test]
fn errors_take_text_only() {
    let server = Server::new(
        r#"
def application(environ, start_response):
    environ["wsgi.errors"].write(b"bytes")
"#,
    );
    server.get("/");
    assert_eq!(server.log.exceptions(), ["call TypeError"]);
}
