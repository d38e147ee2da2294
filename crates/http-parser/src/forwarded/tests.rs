//! Tests of forwarding fields: trusted, forged, repeated, malformed, oversized.

use std::sync::Arc;

use super::*;
use crate::Limits;
use crate::decode::{Decoded, Decoder};

fn head(lines: &[(&str, &str)]) -> Arc<RequestHead> {
    head_for("/", lines)
}

fn head_for(target: &str, lines: &[(&str, &str)]) -> Arc<RequestHead> {
    let mut bytes = format!("GET {target} HTTP/1.1\r\nHost: inside.example\r\n").into_bytes();
    for (name, value) in lines {
        bytes.extend(format!("{name}: {value}\r\n").into_bytes());
    }
    bytes.extend(b"\r\n");
    match Decoder::new(Arc::new(Limits::default())).decode(&mut bytes.as_slice()) {
        Decoded::Head(head) => head,
        other => panic!("{other:?}"),
    }
}

fn peer(address: &str) -> Peer {
    Peer::tcp(address.parse().unwrap())
}

/// Believes everything of the two families from everybody.
fn trust(count: usize, forwarded: bool) -> Trust {
    Trust {
        peers: TrustedPeers::Any,
        count,
        trusted_fields: TrustedFields {
            forwarded,
            x_forwarded_for: true,
            x_forwarded_host: true,
            x_forwarded_proto: true,
            x_forwarded_port: true,
            x_forwarded_by: true,
        },
        ..Trust::default()
    }
}

fn told(trust: &Trust, lines: &[(&str, &str)]) -> Result<ForwardedValues, ForwardedError> {
    match resolve(trust, &head(lines), &peer("192.0.2.9:1"))? {
        Forwarded::Trusted(told) => Ok(Arc::unwrap_or_clone(told)),
        other => panic!("{other:?}"),
    }
}

fn client(trust: &Trust, lines: &[(&str, &str)]) -> (String, Option<String>) {
    let told = told(trust, lines).unwrap();
    (told.remote_addr.unwrap(), told.remote_port)
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn a_stranger_is_not_believed_and_its_fields_are_cleared() {
    let forged = [("X-Forwarded-For", "127.0.0.1"), ("Forwarded", "proto=https")];
    let mut trust = trust(1, false);
    trust.peers =
        TrustedPeers::Listed { networks: vec!["10.0.0.0/8".parse().unwrap()], unix: true };
    let stranger = peer("192.0.2.9:1");
    assert!(matches!(resolve(&trust, &head(&forged), &stranger), Ok(Forwarded::Cleared)));
    assert_eq!(
        untrusted_fields(&trust, &head(&forged), &stranger),
        ["Forwarded", "X-Forwarded-For"]
    );
    trust.clear_untrusted = false;
    assert!(matches!(resolve(&trust, &head(&forged), &stranger), Ok(Forwarded::Untouched)));
    for friend in [peer("10.1.2.3:4"), peer("[::ffff:10.1.2.3]:4"), Peer::unix()] {
        assert!(matches!(resolve(&trust, &head(&forged), &friend), Ok(Forwarded::Trusted(_))));
    }
}

#[test]
fn by_default_nobody_is_believed() {
    let forged = head(&[("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-Proto", "https")]);
    for peer in [peer("127.0.0.1:1"), Peer::unix()] {
        assert!(matches!(resolve(&Trust::default(), &forged, &peer), Ok(Forwarded::Cleared)));
    }
}

#[test]
fn only_the_fields_that_are_named_are_believed() {
    let lines = [
        ("X-Forwarded-For", "198.51.100.2"),
        ("X-Forwarded-By", "edge"),
        ("X-Forwarded-Proto", "https"),
        ("Forwarded", "for=1.2.3.4"),
    ];
    let mut trust = Trust { peers: TrustedPeers::Any, ..Trust::default() };
    trust.trusted_fields.x_forwarded_by = true;
    let by = ("x-forwarded-by", "edge".to_owned());
    let expected = ForwardedValues { fields: vec![by.clone()], ..ForwardedValues::default() };
    assert_eq!(told(&trust, &lines).unwrap(), expected);
    assert_eq!(
        untrusted_fields(&trust, &head(&lines), &peer("192.0.2.9:1")),
        ["Forwarded", "X-Forwarded-For", "X-Forwarded-Proto"]
    );
    trust.clear_untrusted = false;
    let passed_on = told(&trust, &lines).unwrap();
    assert_eq!((passed_on.remote_addr, passed_on.fields.len()), (None, 4));
}

#[test]
fn a_client_is_an_address_with_or_without_port_brackets_and_quotes() {
    let trust = trust(1, false);
    for (value, address, port) in [
        ("192.0.2.1", "192.0.2.1", None),
        ("192.0.2.1:8080", "192.0.2.1", Some("8080")),
        ("2001:db8::1", "2001:db8::1", None),
        ("[2001:db8::1]", "2001:db8::1", None),
        ("\"[2001:db8::1]:99\"", "2001:db8::1", Some("99")),
        ("[2001:db8::1]:99", "2001:db8::1", Some("99")),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1", None),
        ("unknown", "unknown", None),
        ("_hidden:_port", "_hidden", Some("_port")),
        ("unix:", "unix:", None),
        ("192.0.2.1:http", "192.0.2.1:http", None),
        ("[2001:db8::1", "[2001:db8::1", None),
        ("2001:db8::1::80", "2001:db8::1::80", None),
    ] {
        let expected = (address.to_owned(), port.map(str::to_owned));
        assert_eq!(client(&trust, &[("X-Forwarded-For", value)]), expected, "{value}");
    }
}

#[test]
fn the_client_is_the_oldest_hop_that_is_trusted() {
    let line = [("X-Forwarded-For", "6.6.6.6, 198.51.100.2, 203.0.113.1")];
    let told = told(&trust(2, false), &line).unwrap();
    assert_eq!(told.remote_addr, some("198.51.100.2"));
    assert_eq!(told.fields, [("x-forwarded-for", "198.51.100.2, 203.0.113.1".to_owned())]);
    assert_eq!(client(&trust(1, false), &line).0, "203.0.113.1");
    assert_eq!(client(&trust(9, false), &line).0, "6.6.6.6");
}

#[test]
fn a_repeated_field_is_one_list() {
    let lines = [("X-Forwarded-For", "6.6.6.6"), ("x-forwarded-for", "203.0.113.1")];
    assert_eq!(client(&trust(1, false), &lines).0, "203.0.113.1");
    assert_eq!(client(&trust(2, false), &lines).0, "6.6.6.6");
}

#[test]
fn nothing_that_a_client_left_open_swallows_what_a_proxy_added() {
    let open = [("X-Forwarded-For", "\"6.6.6.6, 203.0.113.1")];
    assert_eq!(client(&trust(1, false), &open).0, "203.0.113.1");
    let open = [("Forwarded", "for=\"6.6.6.6;x=, for=203.0.113.1")];
    assert_eq!(client(&trust(1, true), &open).0, "203.0.113.1");
}

#[test]
fn the_scheme_brings_its_port_and_the_host_its_own() {
    let trust = trust(1, false);
    for (lines, scheme, host, name, port) in [
        (&[("X-Forwarded-Proto", "HTTPS")][..], Some("https"), None, None, Some("443")),
        (
            &[("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "a.example")][..],
            Some("https"),
            Some("a.example"),
            Some("a.example"),
            Some("443"),
        ),
        (
            &[
                ("X-Forwarded-Proto", "https"),
                ("X-Forwarded-Host", "a.example"),
                ("X-Forwarded-Port", "80"),
            ][..],
            Some("https"),
            Some("a.example:80"),
            Some("a.example"),
            Some("80"),
        ),
        (
            &[("X-Forwarded-Host", "a.example:8080"), ("X-Forwarded-Port", "9090")][..],
            None,
            Some("a.example:8080"),
            Some("a.example"),
            Some("8080"),
        ),
        (
            &[("X-Forwarded-Host", "x.example, [::1]"), ("X-Forwarded-Port", "8443")][..],
            None,
            Some("[::1]:8443"),
            Some("[::1]"),
            Some("8443"),
        ),
        (
            &[("X-Forwarded-Host", "a.example"), ("X-Forwarded-Port", "80")][..],
            None,
            Some("a.example"),
            Some("a.example"),
            Some("80"),
        ),
    ] {
        let told = told(&trust, lines).unwrap();
        assert_eq!(told.scheme, scheme, "{lines:?}");
        assert_eq!(told.host.as_deref(), host, "{lines:?}");
        assert_eq!(told.server_name.as_deref(), name, "{lines:?}");
        assert_eq!(told.server_port.as_deref(), port, "{lines:?}");
    }
}

#[test]
fn forwarded_says_it_all_and_excludes_the_others() {
    let lines = [
        (
            "Forwarded",
            "for=6.6.6.6;host=fake.example, for=\"[2001:db8::1]:3821\";host=\"A.example:8443\";proto=HTTPS;by=_x, for=192.0.2.1;host=inside:8080",
        ),
        ("X-Forwarded-For", "6.6.6.6"),
    ];
    let told = told(&trust(2, true), &lines).unwrap();
    let expected = ForwardedValues {
        remote_addr: some("2001:db8::1"),
        remote_port: some("3821"),
        scheme: Some("https"),
        server_name: some("a.example"),
        server_port: some("8443"),
        host: some("a.example:8443"),
        fields: vec![(
            "forwarded",
            "for=\"[2001:db8::1]:3821\";host=\"A.example:8443\";proto=HTTPS;by=_x, for=192.0.2.1;host=inside:8080".into(),
        )],
    };
    assert_eq!(told, expected);
}

#[test]
fn the_oldest_trusted_element_wins_for_each_parameter() {
    let line = [("Forwarded", "for=192.0.2.1;proto=https, for=192.0.2.2;host=a.example")];
    let told = told(&trust(2, true), &line).unwrap();
    assert_eq!(told.remote_addr, some("192.0.2.1"));
    assert_eq!((told.host, told.scheme), (some("a.example"), Some("https")));
}

#[test]
fn what_a_trusted_proxy_garbles_is_refused() {
    let long = "a".repeat(256);
    for (name, value) in [
        ("X-Forwarded-Proto", "https, http"),
        ("X-Forwarded-Proto", "ftp"),
        ("X-Forwarded-Proto", "http://a.example?url=http"),
        ("X-Forwarded-Port", "443, 80"),
        ("X-Forwarded-Port", "abc"),
        ("X-Forwarded-Port", "+80"),
        ("X-Forwarded-Port", "0"),
        ("X-Forwarded-Port", "65536"),
        ("X-Forwarded-For", "\"foo"),
        ("X-Forwarded-For", "foo\""),
        ("X-Forwarded-For", "\""),
        ("X-Forwarded-For", &long),
        ("X-Forwarded-For", "caf\u{e9}.example"),
        ("X-Forwarded-For", "\u{661}92.0.2.1"),
        ("X-Forwarded-For", "192.0.2.1\u{a0}"),
        ("X-Forwarded-For", "192.0.2.1 192.0.2.2"),
        ("X-Forwarded-For", "\"192.0.2.1\tx\""),
        ("X-Forwarded-Host", "caf\u{e9}.example"),
        ("X-Forwarded-Port", "\u{661}"),
        ("X-Forwarded-Host", "\"foo"),
        ("X-Forwarded-Host", "a b"),
        ("X-Forwarded-Host", "a/b"),
        ("X-Forwarded-Host", "a:99999"),
        ("X-Forwarded-Host", ":80"),
        ("X-Forwarded-Host", &long),
    ] {
        let refusal = told(&trust(1, false), &[(name, value)]).unwrap_err();
        assert_eq!(refusal.rejection(), Rejection::Forwarded, "{name}: {value}");
        assert!(refusal.to_string().contains(name), "{refusal}");
        assert!(refusal.to_string().len() < 250, "{refusal}");
    }
    for value in [
        "for",
        "for=a; proto=http",
        "for=a;proto =http",
        "for= a",
        "for=\"a",
        "for=\"a b\"",
        "for=caf\u{e9}",
        "for=a;for=b",
        "host=\"a b\"",
        "proto=gopher",
    ] {
        let refusal = told(&trust(1, true), &[("Forwarded", value)]).unwrap_err();
        assert_eq!(refusal.rejection(), Rejection::Forwarded, "{value}");
    }
}

#[test]
fn what_a_trusted_proxy_leaves_empty_is_not_said() {
    let lines = [
        ("X-Forwarded-For", ""),
        ("X-Forwarded-Host", ""),
        ("X-Forwarded-Proto", ""),
        ("X-Forwarded-Port", ""),
    ];
    let told = told(&trust(1, false), &lines).unwrap();
    assert_eq!(told, ForwardedValues { fields: told.fields.clone(), ..ForwardedValues::default() });
    let silent = resolve(&trust(1, false), &head(&[]), &peer("192.0.2.9:1"));
    assert!(matches!(silent, Ok(Forwarded::Cleared)));
}

#[test]
fn an_https_target_is_for_a_trusted_proxy_to_send() {
    let target = "https://a.example/x";
    let proto = [("X-Forwarded-Proto", "https")];
    let peer = peer("192.0.2.9:1");
    let resolved = |trust: &Trust, head: &RequestHead| resolve(trust, head, &peer);
    assert!(resolved(&trust(1, false), &head_for(target, &proto)).is_ok());
    for (trust, lines) in [(trust(1, false), &[][..]), (Trust::default(), &proto[..])] {
        let refusal = resolved(&trust, &head_for(target, lines)).unwrap_err();
        assert_eq!(refusal.rejection(), Rejection::Target);
    }
    assert!(resolved(&Trust::default(), &head_for("http://a.example/x", &[])).is_ok());
}
