//! Tests of responses.

use super::*;

#[test]
fn a_response_to_head_has_a_length_and_no_body() {
    let mut scene = Scene::new();
    scene.sends("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    scene.begins(&[("Content-Length", "5")], None);
    scene.continues("hello");
    assert_eq!(scene.finishes(), Outcome::Complete);
    assert_eq!(scene.gets(), "HTTP/1.1 200 OK|Content-Length: 5||");
    assert_eq!(scene.ending(), None);
}

#[test]
fn responses_without_content_send_no_body_and_stay_open() {
    for status in ["204 No Content", "304 Not Modified"] {
        let mut scene = Scene::new();
        scene.sends(get("/"));
        scene.begins_with(status, &[], None);
        scene.continues("an application's mistake");
        assert_eq!(scene.finishes(), Outcome::Complete);
        assert_eq!(scene.gets(), format!("HTTP/1.1 {status}||"));
        assert_eq!(scene.ending(), None);
        assert_eq!(scene.sends(get("/next")), ["/next"]);
    }
}

#[test]
fn a_length_where_there_is_no_content_is_left_out() {
    for status in ["204 No Content", "304 Not Modified"] {
        for length in ["0", "5", "1000"] {
            for method in ["GET", "HEAD", "POST"] {
                let mut scene = Scene::new();
                scene.sends(format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n"));
                scene.begins_with(status, &[("ETag", "x"), ("Content-Length", length)], None);
                assert_eq!(scene.finishes(), Outcome::Complete);
                assert_eq!(scene.gets(), format!("HTTP/1.1 {status}|ETag: x||"));
                assert_eq!(scene.ending(), None);
            }
        }
    }
}

#[test]
fn reset_content_has_a_length_of_zero_whatever_was_declared() {
    for fields in [&[][..], &[("Content-Length", "5")], &[("Content-Length", "0")]] {
        for known in [None, Some(5)] {
            let mut scene = Scene::new();
            scene.sends(get("/"));
            scene.begins_with("205 Reset Content", fields, known);
            scene.continues("hello");
            assert_eq!(scene.finishes(), Outcome::Complete);
            assert_eq!(scene.gets(), "HTTP/1.1 205 Reset Content|Content-Length: 0||");
            assert_eq!(scene.ending(), None);
        }
    }
}

#[test]
fn a_body_longer_than_declared_is_cut_and_the_connection_stays_in_step() {
    let mut scene = Scene::new();
    scene.sends(get("/"));
    scene.begins(&[("Content-Length", "3")], None);
    scene.continues("ab");
    scene.continues("cdef");
    scene.continues("ghi");
    assert_eq!(scene.finishes(), Outcome::Long { excess: 6 });
    assert_eq!(scene.gets(), "HTTP/1.1 200 OK|Content-Length: 3||abc");
    assert_eq!(scene.ending(), None);
}

#[test]
fn a_body_shorter_than_declared_ends_the_connection() {
    let mut scene = Scene::new();
    scene.sends(get("/"));
    scene.begins(&[("Content-Length", "9")], None);
    scene.continues("abc");
    assert_eq!(scene.finishes(), Outcome::Short { missing: 6 });
    assert_eq!(scene.ending(), Some(Ending::Close));
}

#[test]
fn a_failure_before_the_head_is_a_500() {
    let mut scene = Scene::new();
    scene.sends(get("/"));
    assert_eq!(scene.fails(), Outcome::Refused { status: 500 });
    assert!(scene.gets().starts_with("HTTP/1.1 500 Internal Server Error|Connection: close|"));
    assert_eq!(scene.ending(), Some(Ending::Close));
}

#[test]
fn a_failure_after_all_that_was_declared_takes_nothing_away() {
    for body in ["", "hello"] {
        let mut scene = Scene::new();
        scene.sends(get("/"));
        let length = body.len().to_string();
        scene.begins(&[("Content-Length", &length)], None);
        scene.continues(body);
        assert_eq!(scene.fails(), Outcome::Complete);
        assert_eq!(scene.gets(), format!("HTTP/1.1 200 OK|Content-Length: {length}||{body}"));
        assert_eq!(scene.ending(), Some(Ending::Close));
    }
}

#[test]
fn a_failure_behind_a_head_that_has_no_body_takes_nothing_away() {
    let mut scene = Scene::new();
    scene.sends("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    scene.begins(&[], None);
    scene.continues("left out");
    assert_eq!(scene.fails(), Outcome::Complete);
    assert_eq!(scene.gets(), "HTTP/1.1 200 OK||");
    assert_eq!(scene.ending(), Some(Ending::Close));
}

#[test]
fn a_failure_after_the_head_never_looks_like_an_end_and_keeps_what_was_sent() {
    for (line, fields, ending) in [
        ("HTTP/1.1", &[][..], Ending::Close),
        ("HTTP/1.1", &[("Content-Length", "9")], Ending::Close),
        ("HTTP/1.0", &[("Content-Length", "9")], Ending::Close),
        ("HTTP/1.0", &[], Ending::Reset), // a close would look like the end
    ] {
        let mut scene = Scene::new();
        scene.sends(format!("GET / {line}\r\nHost: a\r\n\r\n"));
        scene.begins(fields, None);
        scene.continues("abc");
        assert_eq!(scene.fails(), Outcome::Cut);
        assert!(!scene.gets().ends_with("0||"));
        assert_eq!(scene.ending(), Some(ending), "{line} {fields:?}");
        assert_eq!(scene.connection.is_delimited_by_close(), ending == Ending::Reset);
    }
}

#[test]
fn the_client_that_waits_for_100_continue_gets_it_once_and_before_the_answer() {
    let mut scene = Scene::new();
    let head = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    assert_eq!(scene.sends(head), [""; 0]);
    assert_eq!(scene.gets(), "HTTP/1.1 100 Continue||");
    assert_eq!(scene.sends("abc"), ["/ abc"]);
    scene.answers("x");
    assert_eq!(scene.gets(), "HTTP/1.1 200 OK|Content-Length: 1||x");
}

#[test]
fn nobody_waits_for_100_continue_without_a_body_or_on_http_1_0() {
    for request in [
        "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
        "POST / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    ] {
        let mut scene = Scene::new();
        assert_eq!(scene.sends(request).len(), 1);
        assert_eq!(scene.gets(), "", "{request:?}");
    }
}

#[test]
fn a_body_that_is_too_large_is_refused_instead_of_continued() {
    let mut scene = Scene::new();
    let head = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\
                Content-Length: 99999999999\r\n\r\n";
    assert_eq!(scene.sends(head), ["413"]);
    assert!(scene.gets().starts_with("HTTP/1.1 413 "));
    assert_eq!(scene.ending(), Some(Ending::Linger));
}
