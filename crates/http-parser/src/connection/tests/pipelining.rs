//! Tests of pipelining (RFC 9112 §9.3.2).

use super::*;

#[test]
fn pipelined_requests_wait_until_the_answer_is_complete() {
    let mut scene = Scene::new();
    let three = [get("/1"), get("/2"), get("/3")].concat();
    assert_eq!(scene.sends(three), ["/1"]);
    assert!(!scene.connection.has_pipelined(), "not while a request is being answered");
    assert_eq!(scene.reads_pipelined(), [""; 0]);
    scene.answers("1");
    assert!(scene.connection.has_pipelined());
    assert_eq!(scene.reads_pipelined(), ["/2"]);
    scene.answers("2");
    assert_eq!(scene.reads_pipelined(), ["/3"]);
    scene.answers("3");
    assert!(!scene.connection.has_pipelined());
    assert_eq!(scene.phase(), Phase::Idle);
}

#[test]
fn input_that_was_buffered_is_read_once_the_answer_is_complete() {
    let mut scene = Scene::new();
    let two = [get("/1"), get("/2")].concat();
    let mut input = two.as_bytes();
    assert_eq!(scene.understands(&mut input).as_deref(), Some("/1"));
    assert_eq!(scene.understands(&mut input), None);
    scene.answers("1");
    assert!(scene.connection.has_pipelined(), "the second request is lost");
    assert_eq!(scene.reads_pipelined(), ["/2"]);
}

#[test]
fn pipelined_input_is_read_before_later_input() {
    let mut scene = Scene::new();
    let requests = [get("/1"), get("/2"), get("/3")].concat();
    let (now, later) = requests.split_at(requests.len() / 2);
    assert_eq!(scene.sends(now), ["/1"]);
    // The answer is completed between two looks of whoever reads the socket.
    scene.answers("1");
    assert_eq!(scene.sends(later), ["/2"]);
    scene.answers("2");
    assert_eq!(scene.reads_pipelined(), ["/3"]);
}

#[test]
fn a_body_that_began_in_pipelined_input_goes_on_in_new_input() {
    for framing in ["Content-Length: 5\r\n\r\nab", "Transfer-Encoding: chunked\r\n\r\n5\r\nab"] {
        let rest = if framing.starts_with('C') { "cde" } else { "cde\r\n0\r\n\r\n" };
        let mut scene = Scene::new();
        scene.sends(get("/1") + "POST /2 HTTP/1.1\r\nHost: a\r\n" + framing);
        scene.answers("1");
        // The answer is completed before the rest comes, and nobody has read on yet.
        assert_eq!(scene.sends(rest.to_owned() + &get("/3")), ["/2 abcde"]);
        scene.answers("2");
        assert_eq!(scene.reads_pipelined(), ["/3"]);
    }
}

#[test]
fn the_end_of_input_does_not_overtake_a_pipelined_request() {
    let mut scene = Scene::new();
    scene.sends(get("/1") + &get("/2"));
    scene.answers("1");
    assert_eq!(scene.closes(), None);
    assert_eq!(scene.ending(), None, "the second request is lost");
    assert_eq!(scene.reads_pipelined(), ["/2"]);
}

#[test]
fn the_socket_is_not_read_while_pipelined_input_is_at_its_limit() {
    let mut scene = Scene::new();
    scene.sends(get("/1"));
    assert!(scene.connection.wants_read());
    scene.sends([b'x'; 255]);
    assert!(scene.connection.wants_read());
    scene.sends([b'x'; 1]);
    assert!(!scene.connection.wants_read());
    scene.answers("1");
    assert!(scene.connection.wants_read());
}

#[test]
fn a_pipelined_request_may_be_incomplete() {
    let mut scene = Scene::new();
    scene.sends(get("/1") + "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab");
    scene.sends("cd");
    scene.answers("1");
    assert_eq!(scene.reads_pipelined(), [""; 0]);
    assert_eq!(scene.phase(), Phase::Reading);
    assert_eq!(scene.sends("e"), ["/2 abcde"]);
}

#[test]
fn nothing_behind_an_error_is_ever_read_as_a_request() {
    let mut scene = Scene::new();
    assert_eq!(scene.sends("GET / HTTP/1.1\r\nBad Line\r\n\r\n".to_owned() + &get("/2")), ["400"]);
    assert_eq!(scene.sends(get("/3")), [""; 0]);
    assert!(!scene.connection.has_pipelined());
    assert_eq!(scene.ending(), Some(Ending::Linger));
}

#[test]
fn nothing_behind_the_last_request_is_read_and_it_does_not_cost_the_answer() {
    let mut scene = Scene::new();
    let last = "GET /1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    assert_eq!(scene.sends(last.to_owned() + &get("/2")), ["/1"]);
    scene.answers("1");
    assert!(!scene.connection.has_pipelined());
    assert_eq!(scene.ending(), Some(Ending::Linger), "unread bytes would make the close a reset");
}

/// Bytes looked at or copied for `count` requests that come in one segment.
fn cost_of(count: usize) -> usize {
    let mut scene = Scene::with(Rules::default());
    let _ = cost::taken();
    let mut told = scene.sends(get("/").repeat(count));
    while !told.is_empty() {
        assert_eq!(told, ["/"]);
        scene.answers("");
        told = scene.reads_pipelined();
    }
    assert_eq!(scene.gets().matches("HTTP/1.1 200 OK").count(), count);
    cost::taken()
}

#[test]
fn a_thousand_requests_in_one_segment_cost_a_thousand_times_one() {
    let one = cost_of(1);
    let thousand = cost_of(1000);
    assert!(thousand <= one * 1000 * 3, "{thousand} bytes, one request costs {one}");
}

#[test]
fn a_client_that_always_pipelines_makes_neither_the_buffer_nor_the_cost_grow() {
    let one = cost_of(1);
    let mut scene = Scene::with(Rules::default());
    let _ = cost::taken();
    assert_eq!(scene.sends(get("/").repeat(10)), ["/"]);
    for _ in 0..2000 {
        scene.sends(get("/"));
        scene.answers("");
        assert_eq!(scene.reads_pipelined(), ["/"]);
    }
    assert!(scene.connection.held_bytes() < 64 * get("/").len(), "the buffer grows");
    let cost = cost::taken();
    assert!(cost <= one * 2000 * 5, "{cost} bytes, one request costs {one}");
}
