//! Tests of persistence (RFC 9112 §9.3).

use super::*;

/// Sends a request with this line and these fields, answers it, and tells what the head says of
/// the connection and how it goes on.
fn after(line: &str, fields: &str) -> (String, Option<Ending>) {
    let mut scene = Scene::new();
    scene.sends(format!("GET / {line}\r\nHost: a\r\n{fields}\r\n"));
    assert_eq!(scene.answers("x"), Outcome::Complete);
    let gets = scene.gets();
    let said = gets.split('|').find(|field| field.starts_with("Connection")).unwrap_or_default();
    (said.to_owned(), scene.ending())
}

#[test]
fn http_1_1_stays_open_without_a_word() {
    assert_eq!(after("HTTP/1.1", ""), (String::new(), None));
    assert_eq!(after("HTTP/1.1", "Connection: keep-alive\r\n"), (String::new(), None));
}

#[test]
fn close_in_any_list_and_case_is_the_last_word() {
    for fields in [
        "Connection: close\r\n",
        "connection: CLOSE\r\n",
        "Connection: foo , Close\r\n",
        "Connection: keep-alive\r\nConnection: close\r\n",
        "Connection: close, keep-alive\r\n",
    ] {
        let expected = ("Connection: close".to_owned(), Some(Ending::Close));
        assert_eq!(after("HTTP/1.1", fields), expected, "{fields:?}");
        assert_eq!(after("HTTP/1.0", fields), expected, "{fields:?}");
    }
}

#[test]
fn http_1_0_stays_open_only_when_it_asks() {
    assert_eq!(after("HTTP/1.0", "").1, Some(Ending::Close));
    let kept = after("HTTP/1.0", "Connection: Keep-Alive\r\n");
    assert_eq!(kept, ("Connection: Keep-Alive".to_owned(), None));
}

#[test]
fn http_1_0_closes_behind_a_body_whose_end_it_cannot_see() {
    let mut scene = Scene::new();
    scene.sends("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    scene.begins(&[], None);
    scene.continues("abc");
    assert_eq!(scene.finishes(), Outcome::Complete);
    assert_eq!(scene.gets(), "HTTP/1.0 200 OK|Connection: close||abc");
    assert_eq!(scene.ending(), Some(Ending::Close));
}

#[test]
fn one_connection_serves_one_request_after_the_other() {
    let mut scene = Scene::new();
    for number in 0..10 {
        assert_eq!(scene.phase(), Phase::Idle);
        assert_eq!(scene.sends(get(&format!("/{number}"))), [format!("/{number}")]);
        assert_eq!(scene.phase(), Phase::Answering);
        assert_eq!(scene.answers("ok"), Outcome::Complete);
        assert_eq!(scene.gets(), "HTTP/1.1 200 OK|Content-Length: 2||ok");
    }
}

#[test]
fn an_announced_drain_is_said_in_every_answer_and_closes_nobody_who_is_idle() {
    let mut scene = Scene::new();
    scene.connection.handle_drain_announced();
    assert_eq!(scene.ending(), None);
    scene.sends(get("/"));
    scene.answers("x");
    assert_eq!(scene.gets(), "HTTP/1.1 200 OK|Content-Length: 1|Connection: close||x");
    assert_eq!(scene.ending(), Some(Ending::Close));
}

#[test]
fn a_drain_announced_while_a_request_waits_is_said_in_its_answer() {
    let mut scene = Scene::new();
    scene.sends(get("/"));
    scene.connection.handle_drain_announced();
    scene.answers("x");
    assert!(scene.gets().contains("|Connection: close|"));
    assert_eq!(scene.ending(), Some(Ending::Close));
}

#[test]
fn a_drain_ends_a_connection_with_the_response_that_is_under_way() {
    let mut streaming = Scene::new();
    streaming.sends(get("/"));
    streaming.begins(&[], None);
    streaming.connection.handle_drain_announced();
    streaming.continues("abc");
    assert_eq!(streaming.ending(), None);
    assert_eq!(streaming.finishes(), Outcome::Complete);
    assert_eq!(streaming.gets(), "HTTP/1.1 200 OK|Transfer-Encoding: chunked||3|abc|0||");
    assert_eq!(streaming.ending(), Some(Ending::Close));
}

#[test]
fn a_request_that_is_coming_in_when_a_drain_begins_is_still_read_and_answered() {
    let mut scene = Scene::new();
    scene.sends("POST /up HTTP/1.1\r\nHost: a\r\nContent-Le");
    scene.connection.handle_drain_announced();
    assert_eq!(scene.ending(), None);
    scene.sends("ngth: 4\r\n\r\nab");
    scene.connection.handle_drain_announced();
    assert_eq!(scene.sends("cd"), ["/up abcd"]);
    scene.answers("x");
    assert!(scene.gets().contains("|Connection: close|"));
    assert_eq!(scene.ending(), Some(Ending::Close));
}
