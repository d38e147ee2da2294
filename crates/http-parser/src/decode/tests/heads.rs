//! Tests of request lines and fields.

use super::*;

#[test]
fn up_to_four_empty_lines_before_a_request_are_skipped() {
    for count in 0..=4 {
        let input = format!("{}GET / HTTP/1.0\r\n\r\n", "\r\n".repeat(count));
        for size in 1..=input.len() {
            let mut decoder = decoder();
            let pieces = input.as_bytes().chunks(size);
            let told: Vec<String> = pieces.flat_map(|piece| told(&mut decoder, piece)).collect();
            assert_eq!(told, ["GET /", "end"], "{input:?} in pieces of {size}");
        }
    }
    for empty_lines in ["", "\r\n", "\r\n\r\n\r\n\r\n"] {
        let rejection = refusal(&format!("{empty_lines}\nGET / HTTP/1.0\r\n\r\n"));
        assert_eq!(rejection, Rejection::BareLineEnd);
    }
    for bare in ["\rGET", "\r\r\n", "\r\n\rGET", "\r\n\r\r\n"] {
        assert_eq!(refusal(&format!("{bare} / HTTP/1.0\r\n\r\n")), Rejection::BareLineEnd);
    }
    let five = "\r\n".repeat(5);
    assert_eq!(refusal(&format!("{five}GET / HTTP/1.0\r\n\r\n")), Rejection::RequestLine);
}

#[test]
fn empty_lines_may_stand_between_any_two_requests() {
    let empty_lines = "\r\n".repeat(4);
    for request in [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n\r\n",
        "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n",
    ] {
        let mut decoder = decoder();
        for _ in 0..3 {
            let told = told(&mut decoder, format!("{empty_lines}{request}"));
            assert_eq!(told.last().map(String::as_str), Some("end"), "{request:?}");
        }
    }
}

#[test]
fn an_empty_line_alone_is_not_yet_a_request() {
    let mut decoder = decoder();
    told(&mut decoder, "\r");
    assert_eq!(decoder.progress(), Progress::Head);
    told(&mut decoder, "\n");
    assert_eq!(decoder.progress(), Progress::Between);
}

#[test]
fn a_request_line_has_one_space_twice() {
    for line in [
        "GET  / HTTP/1.1",
        "GET /  HTTP/1.1",
        "GET / HTTP/1.1 ",
        " GET / HTTP/1.1",
        "GET\t/ HTTP/1.1",
        "GET /\tHTTP/1.1",
        "GET / HTTP/1.1\t",
        "GET /\x0bHTTP/1.1",
        "GET /",
        "GET",
        "GET / ",
        "GET / HTTP/1.1 x",
        "GE:T / HTTP/1.1",
        "GET/ HTTP/1.1",
    ] {
        let rejection = refusal(&format!("{line}\r\nHost: a\r\n\r\n"));
        assert_eq!(rejection.status(), 400, "{line:?}");
    }
}

#[test]
fn a_method_is_any_token_and_is_passed_on_unchanged() {
    for method in ["GET", "get", "M-SEARCH", "!#$%&'*+-.^_`|~", "9", "QUERY"] {
        let head = first_head(&format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n")).unwrap();
        assert_eq!(head.method(), method);
    }
    assert_eq!(refusal("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n"), Rejection::Connect);
    assert_eq!(refusal("CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n"), Rejection::Connect);
}

#[test]
fn a_version_that_is_not_ours_is_505_and_what_is_none_is_400() {
    for version in ["HTTP/0.9", "HTTP/1.2", "HTTP/2.0", "HTTP/9.9"] {
        assert_eq!(refusal(&format!("GET / {version}\r\n\r\n")), Rejection::Version, "{version}");
    }
    for version in
        ["http/1.1", "HTTP/1.10", "HTTP/11.1", "HTTP/01.1", "HTTP/1.", "HTTP/2", "HTTP/1.f"]
    {
        assert_eq!(
            refusal(&format!("GET / {version}\r\n\r\n")),
            Rejection::RequestLine,
            "{version}"
        );
    }
    assert_eq!(refusal("PRI / HTTP/2.0\r\n\r\n"), Rejection::Version);
}

#[test]
fn another_protocol_is_refused_before_its_first_line_ends() {
    for start in ["\u{80}", "\x02", " ", "@", "{\"a\"", "\"", "(", "/"] {
        assert_eq!(told(&mut decoder(), start), ["request_line"], "{start:?}");
    }
    // ... and one that sends a line at once when that has come.
    assert_eq!(told(&mut decoder(), "SSH-2.0-x\r\n"), ["request_line"]);
    assert_eq!(told(&mut decoder(), "GET /\r\n"), ["request_line"]);
}

#[test]
fn another_protocol_that_is_recognised_is_named() {
    for (start, name) in [
        (&b"\x16\x03\x01\0\xa5"[..], "tls"),
        (b"\x15\x03\x01\0\x02", "tls"),
        (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", "proxy_protocol"),
        (b"PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n", "proxy_protocol"),
        (b"PROXY UNKNOWN\r\n", "proxy_protocol"),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x11", "proxy_protocol"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "http2"),
        (b"\0\x9a\x01\0\x0e\0REQUEST_METHOD", "gateway_protocol"), // uwsgi
        (b"\x01\x01\0\x01\0\x08\0\0", "gateway_protocol"),         // FastCGI
    ] {
        for size in 1..=start.len() {
            let mut decoder = decoder();
            let pieces = start.chunks(size);
            let told: Vec<String> = pieces.flat_map(|piece| told(&mut decoder, piece)).collect();
            assert_eq!(told.first().map(String::as_str), Some(name), "{start:?}, {size} at a time");
        }
    }
    // A method may be called so, and no empty line is part of another protocol.
    assert_eq!(first_head("PROXY / HTTP/1.0\r\n\r\n").unwrap().method(), "PROXY");
    assert_eq!(first_head("PRI / HTTP/1.0\r\n\r\n").unwrap().method(), "PRI");
    for start in ["\r\n\x16\x03\x01", "\r\n\0", "\r\n\r\n\r\n\0"] {
        assert_eq!(told(&mut decoder(), start), ["request_line"], "{start:?}");
    }
}

#[test]
fn a_line_end_is_crlf_and_another_is_refused_as_soon_as_it_is_seen() {
    for input in [
        "GET / HTTP/1.1\n",
        "GET / HTTP/1.1\rX",
        "GET / HTTP/1.1\r\nHost: a\n",
        "GET / HTTP/1.1\r\nHost: a\rX",
        "GET / HTTP/1.1\r\nHost: a\r\r",
        "GET / HTTP/1.1\r\n\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\rX",
        "GET / HTTP/1.1\r\nX:\n\n",
    ] {
        assert_eq!(told(&mut decoder(), input), ["bare_line_end"], "{input:?}");
    }
}

#[test]
fn a_field_line_outside_the_grammar_is_refused() {
    for line in [
        "X : 1",
        "X\t: 1",
        ": 1",
        "X",
        " X: 1",
        "\tX: 1",
        "X: 1\r\n 2",
        "X: 1\r\n\t2",
        "X Y: 1",
        "X[]: 1",
        "X\u{e9}: 1",
        "X: a\0b",
        "X: a\x07b",
        "X: a\x7fb",
        "X: a\x0bb",
        "X\0: 1",
        "\"X\": 1",
        "X\x0b: 1",
        "X;Y: 1",
    ] {
        assert_eq!(head(&format!("{line}\r\n")).unwrap_err(), Rejection::FieldLine, "{line:?}");
    }
}

#[test]
fn a_value_keeps_every_byte_but_the_space_around_it() {
    let input =
        b"GET / HTTP/1.1\r\nHost: a\r\nA: \t\xa0v \t w\x85\x0c \t\r\nB:\r\nC: \t \r\nD:d\r\n\r\n";
    let mut bad = input.to_vec();
    assert_eq!(told(&mut decoder(), &bad), ["field_line"], "a form feed is a control character");
    bad.retain(|&byte| byte != 0x0c);
    let Decoded::Head(head) = decoder().decode(&mut bad.as_slice()) else { panic!() };
    assert_eq!(head.field("a"), Some(&b"\xa0v \t w\x85"[..]));
    assert_eq!(head.field("B"), Some(&b""[..]));
    assert_eq!(head.field("C"), Some(&b""[..]));
    assert_eq!(head.field("D"), Some(&b"d"[..]));
    let names: Vec<&[u8]> = head.fields().map(|(name, _)| name).collect();
    assert_eq!(names, [&b"Host"[..], b"A", b"B", b"C", b"D"]);
}

/// Every field whose value is no list, that a request may have (RFC 9110), but Host and
/// Content-Length.
const SINGLETONS: [&str; 16] = [
    "Authorization",
    "Content-Disposition",
    "Content-Location",
    "Content-Range",
    "Content-Type",
    "Date",
    "From",
    "If-Modified-Since",
    "If-Range",
    "If-Unmodified-Since",
    "Max-Forwards",
    "Origin",
    "Proxy-Authorization",
    "Range",
    "Referer",
    "User-Agent",
];

#[test]
fn a_field_that_is_no_list_has_one_value() {
    for name in SINGLETONS {
        let other = name.to_ascii_uppercase();
        for lines in [
            format!("{name}: a\r\n{name}: b\r\n"),
            format!("{name}: a\r\nX: 1\r\n{other}:b\r\n"),
            format!("{name}: a\r\n{other}: a\r\n{name}: \r\n"),
            format!("{name}:\r\n{name}: a\r\n"),
        ] {
            assert_eq!(head(&lines).unwrap_err(), Rejection::RepeatedField, "{lines:?}");
            let input = format!("GET / HTTP/1.0\r\n{lines}\r\n");
            assert_eq!(refusal(&input), Rejection::RepeatedField, "{input:?}");
        }
        // What is said twice is said once.
        let head = head(&format!("{name}: a\r\nX: 1\r\n{other}: \t a \r\nY: 2\r\n")).unwrap();
        let fields: Vec<_> = head.fields().skip(1).collect();
        assert_eq!(fields, [(name.as_bytes(), &b"a"[..]), (b"X", b"1"), (b"Y", b"2")]);
    }
}

#[test]
fn a_list_may_stand_in_several_lines() {
    for name in ["Accept", "Cache-Control", "Cookie", "If-Match", "If-None-Match", "Via", "X-Any"] {
        let head = head(&format!("{name}: a\r\n{name}: b\r\n{name}: a\r\n")).unwrap();
        let values: Vec<_> = head.fields().skip(1).map(|(_, value)| value).collect();
        assert_eq!(values, [b"a", b"b", b"a"], "{name}");
    }
}

#[test]
fn host_is_given_once_and_valid() {
    for lines in [
        "",
        "Host: a\r\nHost: a\r\n",
        "Host: a\r\nX: 1\r\nhOST: b\r\n",
        "Host: a b\r\n",
        "Host: u@a\r\n",
        "Host: a/b\r\n",
        "Host: ::1\r\n",
        "Host: a:b\r\n",
        "Host: [::1\r\n",
        "Host: http://a\r\n",
    ] {
        let input = format!("GET / HTTP/1.1\r\n{lines}\r\n");
        assert_eq!(refusal(&input), Rejection::Host, "{lines:?}");
        let input = format!("GET http://b/ HTTP/1.1\r\n{lines}\r\n");
        assert_eq!(refusal(&input), Rejection::Host, "absolute-form does not excuse {lines:?}");
    }
    assert_eq!(refusal("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"), Rejection::Host);
    assert_eq!(refusal("GET / HTTP/1.0\r\nHost: a b\r\n\r\n"), Rejection::Host);
    assert_eq!(first_head("GET / HTTP/1.0\r\n\r\n").unwrap().host(), None);
    assert_eq!(head("").unwrap().host(), Some(&b"a"[..]));
}

#[test]
fn the_authority_of_a_target_stands_in_place_of_host() {
    for version in ["HTTP/1.1", "HTTP/1.0"] {
        let input = format!("GET http://b:81/c?d {version}\r\nX: 1\r\nHost: a\r\n\r\n");
        let head = first_head(&input).unwrap();
        assert_eq!(head.host(), Some(&b"b:81"[..]));
        assert_eq!(head.field("host"), Some(&b"b:81"[..]));
        assert_eq!((head.path(), head.query()), (&b"/c"[..], &b"d"[..]));
        assert_eq!(head.target(), b"http://b:81/c?d");
    }
    let head = first_head("GET http://b HTTP/1.0\r\nX: 1\r\n\r\n").unwrap();
    let fields: Vec<_> = head.fields().collect();
    assert_eq!(fields, [(&b"X"[..], &b"1"[..]), (b"Host", b"b")]);
    assert_eq!(head.path(), b"/");
}

#[test]
fn connection_options_are_a_list_in_any_line_in_any_case() {
    for (lines, close, keep_alive) in [
        ("", false, false),
        ("Connection: close\r\n", true, false),
        ("Connection: ,, CLOSE ,\r\n", true, false),
        ("Connection: a,Keep-Alive\r\nX: 1\r\nconnection: b, cLoSe\r\n", true, true),
        ("Connection: keep-alive\r\n", false, true),
        ("Connection: closed, xclose, close-x, \"close\"\r\n", false, false),
        ("Proxy-Connection: close\r\n", false, false),
    ] {
        let head = head(lines).unwrap();
        assert_eq!((head.wants_close(), head.wants_keep_alive()), (close, keep_alive), "{lines:?}");
    }
}

#[test]
fn only_100_continue_can_be_expected_and_only_of_1_1() {
    let with = |version: &str, expect: &str| {
        first_head(&format!(
            "PUT / {version}\r\nHost: a\r\nExpect: {expect}\r\nContent-Length: 1\r\n\r\n"
        ))
        .map(|head| head.expects_continue())
    };
    assert_eq!(with("HTTP/1.1", "100-continue"), Ok(true));
    assert_eq!(with("HTTP/1.1", "100-Continue"), Ok(true));
    assert_eq!(with("HTTP/1.1", ""), Ok(false));
    for other in ["200-ok", "100-continue, x", "x, 100-continue", "100-continue;q=1", "100"] {
        assert_eq!(with("HTTP/1.1", other), Err(Rejection::Expectation), "{other}");
        assert_eq!(with("HTTP/1.0", other), Ok(false), "{other}");
    }
    assert_eq!(with("HTTP/1.0", "100-continue"), Ok(false));
    let nothing_to_wait_for = head("Expect: 100-continue\r\n").unwrap();
    assert!(!nothing_to_wait_for.expects_continue());
}
