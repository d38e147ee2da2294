//! Tests of compatibility with Waitress: its 34 names, its casts, its errors.

mod written;

use std::collections::BTreeSet;

use maitred_config::{Settings, TrustedProxies, Value, find, settings};
use written::Written;

/// The names of Waitress 3.0.2, `Adjustments._params`.
const NAMES: [&str; 34] = [
    "host",
    "port",
    "ipv4",
    "ipv6",
    "listen",
    "threads",
    "trusted_proxy",
    "trusted_proxy_count",
    "trusted_proxy_headers",
    "log_untrusted_proxy_headers",
    "clear_untrusted_proxy_headers",
    "url_scheme",
    "url_prefix",
    "backlog",
    "recv_bytes",
    "send_bytes",
    "outbuf_overflow",
    "outbuf_high_watermark",
    "inbuf_overflow",
    "connection_limit",
    "cleanup_interval",
    "channel_timeout",
    "log_socket_errors",
    "max_request_header_size",
    "max_request_body_size",
    "expose_tracebacks",
    "ident",
    "asyncore_loop_timeout",
    "asyncore_use_poll",
    "unix_socket",
    "unix_socket_perms",
    "sockets",
    "channel_request_lookahead",
    "server_name",
];

fn keywords(keywords: &[(&str, Value)]) -> Settings {
    Written { keywords: keywords.to_vec(), ..Written::default() }.loaded().settings
}

fn refused(keywords: &[(&str, Value)]) -> String {
    let problems = Written { keywords: keywords.to_vec(), ..Written::default() }.load();
    problems
        .expect_err("to be refused")
        .iter()
        .map(|problem| problem.message().to_owned())
        .collect()
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

#[test]
fn all_34_settings_are_known_by_their_names_and_no_others_claim_to_be() {
    let declared: BTreeSet<&str> = settings().filter_map(|setting| setting.waitress).collect();
    assert_eq!(declared, NAMES.into());
    for name in NAMES {
        let setting = find(name).expect(name);
        assert_eq!(setting.keyword(), name);
    }
}

#[test]
fn numbers_are_cast_as_python_casts_them() {
    assert_eq!(keywords(&[("threads", text("5"))]).limits.threads, 5);
    assert_eq!(keywords(&[("threads", Value::Float(5.9))]).limits.threads, 5);
    assert_eq!(keywords(&[("backlog", text(" 5 "))]).network.backlog, 5);
    assert_eq!(keywords(&[("channel_timeout", text("5"))]).timeouts.write.as_secs(), 5);
    assert_eq!(
        keywords(&[("max_request_body_size", Value::Int(9))]).limits.max_request_body_size,
        9
    );
    assert!(refused(&[("port", text("0.5"))]).contains("from 0 to 65535, not `0.5`"));
}

#[test]
fn truth_values_are_cast_as_waitress_casts_them_but_for_words_that_are_neither() {
    for (value, expected) in [
        (Value::Bool(true), true),
        (text("t"), true),
        (text("TRUE"), true),
        (text("y"), true),
        (text("yes"), true),
        (text("on"), true),
        (text("1"), true),
        (Value::Int(1), true),
        (Value::None, false),
        (text(""), false),
        (text("false"), false),
        (text("off"), false),
        (Value::Int(0), false),
    ] {
        let settings = keywords(&[("expose_tracebacks", value.clone())]);
        assert_eq!(settings.observability.expose_tracebacks, expected, "{value:?}");
    }
    assert!(refused(&[("expose_tracebacks", text("ture"))]).contains("not `ture`"));
}

#[test]
fn lists_are_texts_with_spaces_or_any_iterable() {
    let list = Value::List(vec![text("*:1"), text("*:2 *:3")]);
    assert_eq!(keywords(&[("listen", list)]).network.listen.len(), 3);
    assert_eq!(keywords(&[("listen", text("*:1\n  *:2"))]).network.listen.len(), 2);
    let headers = Value::List(vec![text("X-Forwarded-For"), text("x-forwarded-proto")]);
    let proxied = keywords(&[("trusted_proxy", text("*")), ("trusted_proxy_headers", headers)]);
    assert_eq!(proxied.proxies.trusted, TrustedProxies::Any);
    let names: Vec<&str> = proxied.proxies.headers.iter().map(|header| header.name()).collect();
    assert_eq!(names, ["x-forwarded-for", "x-forwarded-proto"]);
}

#[test]
fn texts_are_normalised() {
    for (given, prefix) in [("///foo/", "/foo"), ("foo", "/foo"), ("/", ""), ("", "")] {
        assert_eq!(keywords(&[("url_prefix", text(given))]).application.url_prefix, prefix);
    }
    assert_eq!(keywords(&[("ident", Value::None)]).application.ident, None);
    assert_eq!(keywords(&[("ident", text(""))]).application.ident, None);
    assert_eq!(keywords(&[("trusted_proxy", text(""))]).proxies.trusted, TrustedProxies::None);
    assert_eq!(keywords(&[("threads", Value::None)]).limits.threads, 4);
}

#[test]
fn permissions_are_octal_text_and_never_a_number() {
    let socket = ("unix_socket", text("/run/web.sock"));
    let settings = keywords(&[socket.clone(), ("unix_socket_perms", text("660"))]);
    assert_eq!(format!("{:?}", settings.network.listen).matches("mode: 432").count(), 1);
    assert!(refused(&[socket, ("unix_socket_perms", Value::Int(660))]).contains("octal"));
}

#[test]
fn sockets_are_taken_over_by_their_descriptors() {
    let settings = keywords(&[("sockets", Value::List(vec![Value::Int(3), Value::Int(4)]))]);
    let listen: Vec<String> = settings.network.listen.iter().map(ToString::to_string).collect();
    assert_eq!(listen, ["fd://3", "fd://4"]);
    assert_eq!(
        keywords(&[("sockets", Value::List(Vec::new()))]).network.listen,
        Settings::default().network.listen
    );
}

#[test]
fn combinations_that_waitress_refuses_are_refused() {
    let sockets = || Value::List(vec![Value::Int(3)]);
    for (first, second) in [
        (("host", text("0.0.0.0")), ("listen", text("*:1"))),
        (("port", Value::Int(8080)), ("listen", text("*:1"))),
        (("listen", text("*:1")), ("sockets", sockets())),
        (("host", text("a")), ("sockets", sockets())),
        (("unix_socket", text("/a")), ("sockets", sockets())),
        (("host", text("a")), ("unix_socket", text("/a"))),
        (("port", Value::Int(1)), ("unix_socket", text("/a"))),
        (("listen", text("*:1")), ("unix_socket", text("/a"))),
    ] {
        let message = refused(&[first.clone(), second.clone()]);
        assert!(message.contains("cannot both be set"), "{first:?} {second:?}: {message}");
    }
}

#[test]
fn what_needs_a_trusted_proxy_is_refused_without_one() {
    assert!(refused(&[("trusted_proxy_count", Value::Int(1))]).contains("needs `trusted-proxy`"));
    let headers = ("trusted_proxy_headers", text("forwarded"));
    assert!(refused(&[headers]).contains("needs `trusted-proxy`"));
    let trusted = ("trusted_proxy", text("*"));
    let zero = ("trusted_proxy_count", Value::Int(0));
    assert!(refused(&[trusted, zero]).contains("from 1 to 1000, not `0`"));
}

#[test]
fn an_address_of_a_family_that_is_off_is_refused() {
    let off = |name| (name, Value::Bool(false));
    assert!(refused(&[("listen", text("[::1]:1")), off("ipv6")]).contains("IPv6 address"));
    assert!(refused(&[("host", text("127.0.0.1")), off("ipv4")]).contains("IPv4 address"));
    assert!(refused(&[off("ipv4"), off("ipv6")]).contains("both off"));
}
