//! Tests of what a successor is given.

use super::*;

impl Scene {
    /// What a successor is given of the input; `None` where there can be none.
    fn unread(&self) -> Option<String> {
        let unread = self.connection.unread()?;
        let mut bytes = Vec::new();
        unread.append_to(&mut bytes);
        assert_eq!((bytes.len(), bytes.is_empty()), (unread.len(), unread.is_empty()));
        Some(String::from_utf8(bytes).unwrap())
    }

    /// A successor continues, and is told of its input when the first byte of it came.
    fn succeeded(&self) -> Self {
        let mut successor = Self::with(rules());
        successor.now.instant = self.connection.waiting_since().unwrap();
        successor.connection = Connection::new(Arc::new(rules()), successor.now.instant);
        let began = successor.now.instant;
        successor.sends(self.unread().unwrap());
        assert_eq!(successor.connection.waiting_since(), Some(began));
        successor.now = self.now;
        successor
    }
}

#[test]
fn a_successor_of_an_idle_connection_is_given_nothing_or_the_empty_lines() {
    let mut scene = Scene::new();
    assert_eq!(scene.unread().as_deref(), Some(""));
    let empty_lines = "\r\n".repeat(4);
    for count in 1..=empty_lines.len() {
        scene.sends(&empty_lines[count - 1..count]);
        assert_eq!(scene.unread().as_deref(), Some(&empty_lines[..count]));
    }
    assert_eq!(scene.succeeded().sends("\r\n"), ["400"], "there were four before, too");
}

#[test]
fn a_successor_is_given_the_beginning_of_a_head() {
    let mut scene = Scene::new();
    scene.sends("GET /1 HTTP");
    assert_eq!(scene.unread().as_deref(), Some("GET /1 HTTP"));
    assert_eq!(scene.succeeded().sends("/1.1\r\nHost: a\r\n\r\n"), ["/1"]);
}

#[test]
fn a_successor_is_given_the_requests_behind_the_one_that_waits() {
    let mut scene = Scene::new();
    scene.sends(get("/1") + &get("/2") + "GET /3");
    assert_eq!(scene.unread(), Some(get("/2") + "GET /3"));
    scene.answers("1");
    assert_eq!(scene.unread(), Some(get("/2") + "GET /3"), "it has not been read since");
    assert_eq!(scene.reads_pipelined(), ["/2"]);
    assert_eq!(scene.unread().as_deref(), Some("GET /3"));
}

#[test]
fn no_successor_continues_a_body_a_response_or_an_end() {
    let mut scene = Scene::new();
    scene.sends("POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n1");
    assert_eq!(scene.unread(), None, "a body is arriving");
    scene.sends("2");
    assert_eq!(scene.unread().as_deref(), Some(""));
    scene.begins(&[], Some(1));
    assert_eq!(scene.unread(), None, "the head of the response has been written");
    scene.continues("1");
    scene.finishes();
    assert_eq!(scene.unread().as_deref(), Some(""));
    scene.sends("\n");
    assert_eq!(scene.unread(), None, "it was refused");
}

#[test]
fn a_successor_keeps_the_deadlines_of_an_idle_connection_and_of_a_head() {
    let mut scene = Scene::new();
    assert_eq!(scene.late_after(70), None);
    let mut successor = scene.succeeded();
    assert_eq!(successor.late_after(4), None);
    assert_eq!(successor.late_after(1), Some(Expired::KeepAlive));

    scene.sends("GET /");
    assert_eq!(scene.late_after(20), None);
    let mut successor = scene.succeeded();
    assert_eq!(successor.late_after(9), None);
    assert_eq!(successor.late_after(1), Some(Expired::Head));
}

#[test]
fn a_request_is_given_as_its_client_could_have_sent_it() {
    let chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let declared = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
    let absolute = "GET http://a/ HTTP/1.0\r\n\r\n"; // the application is given a Host field
    for (head, sent, given) in [
        (chunked, "2;x=y\r\nab\r\n3\r\ncde\r\n0\r\nT: t\r\n\r\n", "5\r\nabcde\r\n0\r\n\r\n"),
        (chunked, "0\r\n\r\n", "0\r\n\r\n"),
        (declared, "abcde", "abcde"),
        (absolute, "", ""),
    ] {
        let mut connection = Connection::new(Arc::new(rules()), moment().instant);
        let sent = format!("{head}{sent}");
        let (mut input, mut known, mut body) = (sent.as_bytes(), None, Vec::new());
        loop {
            match connection.receive(&mut input, &mut Vec::new(), &moment()) {
                Received::Head(head) => known = Some(head),
                Received::Body(piece) => body.extend_from_slice(piece),
                Received::End => break,
                other => panic!("{other:?}"),
            }
        }
        let (known, mut out) = (known.unwrap(), Vec::new());
        append_request(&known, &body, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), format!("{head}{given}"));
        assert_eq!(request_bytes(&known, body.len()), head.len() + given.len());
    }
}

#[test]
fn the_length_of_a_request_is_known_before_it_is_written() {
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut connection = Connection::new(Arc::new(rules()), moment().instant);
    let received = connection.receive(&mut head.as_bytes(), &mut Vec::new(), &moment());
    let Received::Head(head) = received else { panic!("{received:?}") };
    for length in [0, 1, 15, 16, 255, 256, 4095, 4096] {
        let mut out = Vec::new();
        append_request(&head, &vec![b'x'; length], &mut out);
        assert_eq!(out.len(), request_bytes(&head, length), "{length} bytes of body");
    }
}
