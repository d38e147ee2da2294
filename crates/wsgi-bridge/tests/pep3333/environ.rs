//! "environ Variables", and "Input and Error Streams" as far as the environ names them.

use std::sync::Arc;

use maitred_http_parser::decode::{Decoded, Decoder};
use maitred_http_parser::exchange::{Client, Peer};
use maitred_http_parser::forwarded::{
    self, Forwarded, ForwardedValues, Trust, TrustedFields, TrustedPeers,
};
use maitred_wsgi_bridge::{LeadingSlashes, ListenerVariables};

use crate::support::{self, Server, Wire};

/// Keeps the environ of the last request.
const KEEPER: &str = r#"
kept = {}
def application(environ, start_response):
    kept.clear()
    kept.update(environ)
    kept["__type__"] = type(environ)
    kept["__body__"] = environ["wsgi.input"].read()
    start_response("200 OK", [])
    return [b""]
"#;

fn seen(raw: &str) -> Server {
    let server = Server::new(KEEPER);
    server.request(raw);
    server
}

fn value(server: &Server, key: &str) -> String {
    server.evaluate(&format!("kept.get({key:?}, 'absent')"))
}

#[test]
fn the_environ_is_a_builtin_dictionary() {
    assert!(seen("GET / HTTP/1.1\r\nHost: a\r\n\r\n").evaluate::<bool>("kept['__type__'] is dict"));
}

#[test]
fn the_environ_has_exactly_the_documented_keys() {
    let server = seen("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    let keys: Vec<String> = server.evaluate("sorted(k for k in kept if k[0] != '_')");
    let expect = [
        "HTTP_HOST",
        "PATH_INFO",
        "QUERY_STRING",
        "REMOTE_ADDR",
        "REMOTE_HOST",
        "REMOTE_PORT",
        "REQUEST_METHOD",
        "REQUEST_URI",
        "SCRIPT_NAME",
        "SERVER_NAME",
        "SERVER_PORT",
        "SERVER_PROTOCOL",
        "SERVER_SOFTWARE",
        "maitred.client_disconnected",
        "maitred.queue_time",
        "waitress.client_disconnected",
        "wsgi.errors",
        "wsgi.file_wrapper",
        "wsgi.input",
        "wsgi.input_terminated",
        "wsgi.multiprocess",
        "wsgi.multithread",
        "wsgi.run_once",
        "wsgi.url_scheme",
        "wsgi.version",
    ];
    assert_eq!(keys, expect);
}

#[test]
fn every_cgi_variable_is_a_native_string() {
    let server =
        seen("POST /%C3%A9?q=%20 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nX-A: \u{e9}\r\n\r\nx");
    let others: Vec<String> = server.evaluate(
        "[k for k, v in kept.items() if k[0] != '_' and '.' not in k and type(v) is not str]",
    );
    assert_eq!(others, [""; 0]);
}

#[test]
fn the_request_line_is_told_as_it_was_sent() {
    let server = seen("PURGE /a%20b/%c3%a9?x=%41&y HTTP/1.0\r\n\r\n");
    assert_eq!(value(&server, "REQUEST_METHOD"), "PURGE");
    assert_eq!(value(&server, "SERVER_PROTOCOL"), "HTTP/1.0");
    assert_eq!(value(&server, "PATH_INFO"), "/a b/\u{c3}\u{a9}");
    assert_eq!(value(&server, "QUERY_STRING"), "x=%41&y");
    assert_eq!(value(&server, "REQUEST_URI"), "/a%20b/%c3%a9?x=%41&y");
}

#[test]
fn nothing_of_the_last_request_is_left_in_the_next() {
    let server = Server::new(KEEPER);
    server.request("POST /a?q HTTP/1.0\r\nX-A: 1\r\nContent-Length: 1\r\n\r\nx");
    server.get("/b");
    assert_eq!(value(&server, "REQUEST_METHOD"), "GET");
    assert_eq!(value(&server, "SERVER_PROTOCOL"), "HTTP/1.1");
    assert_eq!(value(&server, "QUERY_STRING"), "");
    for key in ["HTTP_X_A", "CONTENT_LENGTH"] {
        assert_eq!(value(&server, key), "absent");
    }
}

#[test]
fn leading_slashes_of_a_path_become_one_and_request_uri_keeps_them() {
    for (target, path_info) in [
        ("//a//b", "/a//b"),
        ("///", "/"),
        ("/%2Fevil.example/", "/evil.example/"),
        ("/%2f/%2Fa%2F%2Fb", "/a//b"),
        ("http://a//b", "/b"),
        ("/a//b", "/a//b"),
    ] {
        let server = seen(&format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_eq!(value(&server, "PATH_INFO"), path_info, "{target}");
        assert_eq!(value(&server, "REQUEST_URI"), target);
    }
}

#[test]
fn leading_slashes_become_one_before_the_prefix_is_removed() {
    let mut variables = support::variables();
    variables.url_prefix = "/app".to_owned();
    let server = Server::with_variables(KEEPER, variables);
    for path in ["//app/x", "/%2Fapp/x", "/app//x", "//app//%2Fx"] {
        server.get(path);
        assert_eq!(value(&server, "SCRIPT_NAME"), "/app");
        assert_eq!(value(&server, "PATH_INFO"), "/x", "{path}");
    }
}

#[test]
fn leading_slashes_stay_where_the_setting_keeps_them() {
    let mut variables = support::variables();
    variables.leading_slashes = LeadingSlashes::Kept;
    let server = Server::with_variables(KEEPER, variables);
    for (path, path_info) in [("//a//b", "//a//b"), ("/%2Fa", "//a"), ("/a", "/a")] {
        server.get(path);
        assert_eq!(value(&server, "PATH_INFO"), path_info);
    }
}

#[test]
fn an_absolute_target_gives_path_and_host() {
    let server = seen("GET http://b.example/p?q HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(value(&server, "PATH_INFO"), "/p");
    assert_eq!(value(&server, "HTTP_HOST"), "b.example");
    assert_eq!(value(&server, "REQUEST_URI"), "http://b.example/p?q");
}

#[test]
fn the_asterisk_is_no_path() {
    for prefix in ["", "/app"] {
        let mut variables = support::variables();
        variables.url_prefix = prefix.to_owned();
        let server = Server::with_variables(KEEPER, variables);
        server.request("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(value(&server, "PATH_INFO"), "");
        assert_eq!(value(&server, "SCRIPT_NAME"), prefix);
        assert_eq!(value(&server, "REQUEST_URI"), "*");
    }
}

#[test]
fn path_info_is_empty_or_begins_with_a_slash_whatever_the_target() {
    for target in ["*", "http://a", "http://a/", "http://a?q", "/", "/*", "/%2A", "/?", "//"] {
        let server = seen(&format!("OPTIONS {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let path_info = value(&server, "PATH_INFO");
        assert!(path_info.is_empty() || path_info.starts_with('/'), "{target}: {path_info}");
    }
}

#[test]
fn the_prefix_is_script_name_and_not_part_of_path_info() {
    let mut variables = support::variables();
    variables.url_prefix = "/app".to_owned();
    let server = Server::with_variables(KEEPER, variables);
    for (path, path_info) in
        [("/app/x", "/x"), ("/app", ""), ("/apple", "/apple"), ("/%61pp/", "/")]
    {
        server.get(path);
        assert_eq!(value(&server, "SCRIPT_NAME"), "/app");
        assert_eq!(value(&server, "PATH_INFO"), path_info, "{path}");
        assert_eq!(value(&server, "REQUEST_URI"), path);
    }
}

#[test]
fn a_prefix_that_is_only_a_slash_is_none() {
    let mut variables = support::variables();
    variables.url_prefix = "/".to_owned();
    let server = Server::with_variables(KEEPER, variables);
    server.get("/x");
    assert_eq!(value(&server, "SCRIPT_NAME"), "");
    assert_eq!(value(&server, "PATH_INFO"), "/x");
}

#[test]
fn content_type_and_content_length_have_no_prefix() {
    let server =
        seen("POST / HTTP/1.1\r\nHost: a\r\ncontent-type: a/b\r\nCONTENT-LENGTH: 003\r\n\r\nabc");
    assert_eq!(value(&server, "CONTENT_TYPE"), "a/b");
    assert_eq!(value(&server, "CONTENT_LENGTH"), "003");
    assert_eq!(value(&server, "HTTP_CONTENT_TYPE"), "absent");
    assert_eq!(value(&server, "HTTP_CONTENT_LENGTH"), "absent");
}

#[test]
fn a_chunked_body_has_the_length_it_turned_out_to_have() {
    let server = seen(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
    );
    assert_eq!(value(&server, "CONTENT_LENGTH"), "5");
    assert_eq!(value(&server, "HTTP_TRANSFER_ENCODING"), "absent");
    assert!(server.evaluate::<bool>("kept['__body__'] == b'abcde'"));
}

#[test]
fn fields_are_upper_case_latin_1_and_trimmed() {
    let server = Server::new(KEEPER);
    server.request(
        b"GET / HTTP/1.1\r\nHost: a\r\nX-Own-Field: \t caf\xe9 \xa0\t \r\naCCept: */*\r\nEmpty:\r\n\r\n",
    );
    assert_eq!(value(&server, "HTTP_X_OWN_FIELD"), "caf\u{e9} \u{a0}");
    assert_eq!(value(&server, "HTTP_ACCEPT"), "*/*");
    assert_eq!(value(&server, "HTTP_EMPTY"), "");
}

#[test]
fn repeated_fields_are_joined_and_cookies_by_their_own_separator() {
    let server = seen(
        "GET / HTTP/1.1\r\nHost: a\r\nAccept: 1\r\nX-Own: a\r\nCookie: a=1\r\nX-own: b\r\naccept: 2\r\n\
         cookie: b=2\r\nX-OWN: c\r\n\r\n",
    );
    assert_eq!(value(&server, "HTTP_ACCEPT"), "1, 2");
    assert_eq!(value(&server, "HTTP_X_OWN"), "a, b, c");
    assert_eq!(value(&server, "HTTP_COOKIE"), "a=1; b=2");
}

#[test]
fn a_name_with_an_underscore_is_dropped_and_logged_once() {
    let server = Server::new(KEEPER);
    for _ in 0..3 {
        server.request("GET / HTTP/1.1\r\nHost: a\r\nX_Role: admin\r\nContent_Length: 5\r\n\r\n");
        assert_eq!(value(&server, "HTTP_X_ROLE"), "absent");
        assert_eq!(value(&server, "CONTENT_LENGTH"), "absent");
    }
    let noted = server.log.noted.lock().unwrap();
    assert_eq!(noted.len(), 2, "{noted:?}");
    assert!(noted[0].contains("`X_Role`"), "{noted:?}");
}

#[test]
fn many_unknown_names_are_right_though_not_all_are_remembered() {
    let server = Server::new(KEEPER);
    for round in 0..5 {
        let fields: String = (0..90).map(|n| format!("X-{round}-{n}: {n}\r\n")).collect();
        server.request(format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
        let all: bool = server
            .evaluate(&format!("all(kept['HTTP_X_{round}_%d' % n] == str(n) for n in range(90))"));
        assert!(all);
    }
}

#[test]
fn the_value_that_is_kept_is_only_given_out_again_when_it_is_the_same() {
    let server = Server::new(KEEPER);
    // The second is the UTF-8 of what latin-1 makes of the first.
    for (sent, seen) in [("\u{e9}".as_bytes().to_vec(), "\u{c3}\u{a9}"), (vec![0xe9], "\u{e9}")] {
        let mut raw = b"GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: ".to_vec();
        raw.extend(sent);
        raw.extend(b"\r\n\r\n");
        for _ in 0..2 {
            server.request(&raw);
            assert_eq!(value(&server, "HTTP_USER_AGENT"), seen);
        }
    }
}

#[test]
fn the_server_tells_its_own_facts() {
    let mut variables = support::variables();
    variables.listeners.push(ListenerVariables {
        server_name: "shop.example".to_owned(),
        server_port: "/run/shop.sock".to_owned(),
    });
    variables.url_scheme = "https".to_owned();
    variables.ident = String::new();
    variables.threads = 1;
    variables.is_multiprocess = true;
    let server = Server::with_variables(KEEPER, variables);
    let mut wire = Wire::new(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    wire.client = Client { listener: 1, peer: Peer::unix().into(), ..support::client() };
    server.ask(wire);
    for (key, expect) in [
        ("SERVER_NAME", "shop.example"),
        ("SERVER_PORT", "/run/shop.sock"),
        ("SERVER_SOFTWARE", "absent"),
        ("REMOTE_ADDR", "localhost"),
        ("REMOTE_HOST", "localhost"),
        ("REMOTE_PORT", "None"),
        ("wsgi.url_scheme", "https"),
    ] {
        assert_eq!(value(&server, key), expect, "{key}");
    }
    for (key, expect) in [
        ("wsgi.version", "(1, 0)"),
        ("wsgi.multithread", "False"),
        ("wsgi.multiprocess", "True"),
        ("wsgi.run_once", "False"),
        ("wsgi.input_terminated", "True"),
    ] {
        assert!(server.evaluate::<bool>(&format!("kept[{key:?}] == {expect}")), "{key}");
    }
}

#[test]
fn the_peer_is_who_asked() {
    let server = seen("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(value(&server, "REMOTE_ADDR"), "192.0.2.7");
    assert_eq!(value(&server, "REMOTE_HOST"), "192.0.2.7");
    assert_eq!(value(&server, "REMOTE_PORT"), "4711");
}

const FORWARDING: &str = "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\n\
                          X-Forwarded-Proto: https\r\nX-Forwarded-By: x\r\n\r\n";

fn forwarded(forwarded: Forwarded) -> Server {
    let server = Server::new(KEEPER);
    let mut wire = Wire::new(FORWARDING.as_bytes());
    wire.client.forwarded = forwarded;
    server.ask(wire);
    server
}

#[test]
fn what_an_untrusted_peer_says_about_the_client_is_not_passed_on() {
    let server = forwarded(Forwarded::Cleared);
    let left: Vec<String> = server.evaluate("[key for key in kept if 'FORWARDED' in key]");
    assert_eq!(left, [""; 0]);
    assert_eq!(value(&server, "wsgi.url_scheme"), "http");
}

#[test]
fn it_is_passed_on_unread_where_that_is_wanted() {
    let server = forwarded(Forwarded::Untouched);
    assert_eq!(value(&server, "HTTP_X_FORWARDED_FOR"), "6.6.6.6");
    assert_eq!(value(&server, "HTTP_FORWARDED"), "for=6.6.6.6");
    assert_eq!(value(&server, "REMOTE_ADDR"), "192.0.2.7");
}

#[test]
fn what_a_trusted_proxy_said_stands_in_place_of_what_the_socket_says() {
    let told = ForwardedValues {
        remote_addr: Some("2001:db8::1".to_owned()),
        remote_port: Some("99".to_owned()),
        scheme: Some("https"),
        server_name: Some("shop.example".to_owned()),
        server_port: Some("443".to_owned()),
        host: Some("shop.example".to_owned()),
        fields: vec![("x-forwarded-for", "2001:db8::1".to_owned())],
    };
    let server = forwarded(Forwarded::Trusted(Arc::new(told)));
    for (key, expect) in [
        ("REMOTE_ADDR", "2001:db8::1"),
        ("REMOTE_HOST", "2001:db8::1"),
        ("REMOTE_PORT", "99"),
        ("wsgi.url_scheme", "https"),
        ("SERVER_NAME", "shop.example"),
        ("SERVER_PORT", "443"),
        ("HTTP_HOST", "shop.example"),
        ("HTTP_X_FORWARDED_FOR", "2001:db8::1"),
        ("HTTP_FORWARDED", "absent"),
        ("HTTP_X_FORWARDED_PROTO", "absent"),
        ("HTTP_X_FORWARDED_BY", "absent"),
    ] {
        assert_eq!(value(&server, key), expect, "{key}");
    }
}

#[test]
fn bytes_beyond_ascii_that_a_trusted_proxy_sends_are_latin_1_like_those_of_other_fields() {
    let raw = b"GET / HTTP/1.1\r\nHost: a\r\nX-Own: \xe9\xc3\xa9\r\n\
                X-Forwarded-For: b:1\r\nX-Forwarded-By: \xe9\xc3\xa9\r\n\r\n";
    let decoded = Decoder::new(Arc::default()).decode(&mut raw.as_slice());
    let Decoded::Head(head) = decoded else { panic!("{decoded:?}") };
    let trusted_fields =
        TrustedFields { x_forwarded_for: true, x_forwarded_by: true, ..TrustedFields::default() };
    let trust = Trust { peers: TrustedPeers::Any, trusted_fields, ..Trust::default() };
    let mut wire = Wire::new(raw);
    wire.client.forwarded = forwarded::resolve(&trust, &head, &wire.client.peer).unwrap();
    let server = Server::new(KEEPER);
    server.ask(wire);
    for (key, expect) in [
        ("HTTP_X_OWN", "\u{e9}\u{c3}\u{a9}"),
        ("HTTP_X_FORWARDED_BY", "\u{e9}\u{c3}\u{a9}"),
        ("HTTP_X_FORWARDED_FOR", "b:1"),
        ("REMOTE_ADDR", "b"),
        ("REMOTE_HOST", "b"),
        ("REMOTE_PORT", "1"),
    ] {
        assert_eq!(value(&server, key), expect, "{key}");
    }
}

#[test]
fn a_request_has_an_id_and_a_time_in_the_queue() {
    let server = Server::new(KEEPER);
    let mut wire = Wire::new(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    wire.request_id = Some("7f3a".into());
    wire.seconds_in_queue = 3;
    server.ask(wire);
    assert_eq!(value(&server, "maitred.request_id"), "7f3a");
    assert!(server.evaluate::<bool>("kept['maitred.queue_time'] == 3.0"));
}

#[test]
fn an_application_may_change_its_environ() {
    let server = Server::new(
        r#"
def application(environ, start_response):
    environ["REQUEST_METHOD"] = environ["own.key"] = environ.get("own.key", "first")
    environ["wsgi.errors"] = None
    start_response("200 OK", [])
    return [environ["own.key"].encode()]
"#,
    );
    assert_eq!(server.get("/").body_text(), "first");
    assert_eq!(server.get("/").body_text(), "first");
}

/// Keeps one of the objects it was given: which one, the path says.
const HOARDER: &str = r#"
hoard = []
def application(environ, start_response):
    write = start_response("200 OK", [])
    match environ["PATH_INFO"]:
        case "/environ": hoard.append(environ)
        case "/start": hoard.append(start_response)
        case "/self": hoard.append(start_response.__self__)
        case "/write": hoard.append(write)
        case "/gone": hoard.append(environ["maitred.client_disconnected"])
    return [b"x"]
"#;

#[test]
fn what_an_application_keeps_is_never_given_to_the_next_request() {
    for path in ["/environ", "/start", "/self", "/write", "/gone"] {
        let server = Server::new(HOARDER);
        server.get("/");
        for _ in 0..3 {
            server.get(path);
            server.get("/");
        }
        assert_eq!(server.evaluate::<usize>("len({id(item) for item in hoard})"), 3, "{path}");
        // Each is still about its own request: that one has ended, and its connection has gone.
        let gone = match path {
            "/environ" => "[item['maitred.client_disconnected']() for item in hoard]",
            "/gone" => "[item() for item in hoard]",
            _ => continue,
        };
        assert_eq!(server.evaluate::<Vec<bool>>(gone), [true; 3], "{path}");
    }
}

#[test]
fn a_connection_that_has_ended_is_not_kept_by_an_environ() {
    let server = Server::new(HOARDER);
    let pending = server.begin(Wire::new(b"GET /environ HTTP/1.1\r\nHost: a\r\n\r\n"));
    pending.take();
    server.source.wait_until_idle();
    assert_eq!(pending.holders_of_the_connection(), 1);
}
