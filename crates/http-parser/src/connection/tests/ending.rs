//! Tests of the end of connections: by the client, by an error, by a rejection.

use super::*;

#[test]
fn a_client_that_closes_between_requests_is_closed_on_without_a_word() {
    let mut fresh = Scene::new();
    assert_eq!(fresh.closes(), None);
    assert_eq!((fresh.ending(), fresh.gets().as_str()), (Some(Ending::Close), ""));

    let mut idle = Scene::new();
    idle.sends(get("/"));
    idle.answers("x");
    idle.gets();
    assert_eq!(idle.closes(), None);
    assert_eq!((idle.ending(), idle.gets().as_str()), (Some(Ending::Close), ""));
}

#[test]
fn a_request_that_is_cut_short_is_refused_wherever_the_cut_is() {
    let lengthy = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde";
    let chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                   5\r\nabcde\r\n0\r\nT: x\r\n\r\n";
    for whole in [lengthy, chunked] {
        for cut in 1..whole.len() {
            let mut scene = Scene::new();
            assert_eq!(scene.sends(&whole[..cut]), [""; 0]);
            assert_eq!(scene.closes(), Some(400), "cut at {cut} of {whole:?}");
            assert_eq!(scene.ending(), Some(Ending::Close));
            assert!(scene.gets().starts_with("HTTP/1.1 400 Bad Request|Connection: close|"));
        }
    }
}

#[test]
fn a_complete_request_is_answered_though_the_client_will_send_no_more() {
    let mut scene = Scene::new();
    scene.sends(get("/"));
    assert_eq!(scene.closes(), None);
    assert_eq!(scene.ending(), None);
    scene.answers("x");
    assert_eq!(scene.gets(), "HTTP/1.1 200 OK|Content-Length: 1|Connection: close||x");
    assert_eq!(scene.ending(), Some(Ending::Close));
}

#[test]
fn all_requests_before_a_half_close_are_answered_and_the_last_one_says_so() {
    let mut scene = Scene::new();
    scene.sends([get("/1"), get("/2")].concat());
    assert_eq!(scene.closes(), None);
    scene.answers("1");
    assert_eq!(scene.gets(), "HTTP/1.1 200 OK|Content-Length: 1||1");
    assert_eq!(scene.ending(), None, "the second request is complete, too");
    assert_eq!(scene.reads_pipelined(), ["/2"]);
    assert_eq!(scene.closes(), None);
    scene.answers("2");
    assert_eq!(scene.gets(), "HTTP/1.1 200 OK|Content-Length: 1|Connection: close||2");
    assert_eq!(scene.ending(), Some(Ending::Close));
}

#[test]
fn a_pipelined_request_that_a_half_close_cuts_short_is_refused() {
    let mut scene = Scene::new();
    scene.sends(get("/1") + "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab");
    scene.closes();
    scene.answers("1");
    assert_eq!(scene.reads_pipelined(), [""; 0]);
    assert_eq!(scene.closes(), Some(400));
    assert_eq!(scene.ending(), Some(Ending::Close));
}

#[test]
fn a_half_close_during_the_body_of_a_response_does_not_cut_it() {
    let mut scene = Scene::new();
    scene.sends(get("/"));
    scene.begins(&[], None);
    scene.continues("ab");
    scene.closes();
    scene.continues("cd");
    assert_eq!(scene.finishes(), Outcome::Complete);
    assert_eq!(scene.gets(), "HTTP/1.1 200 OK|Transfer-Encoding: chunked||2|ab|2|cd|0||");
    assert_eq!(scene.ending(), Some(Ending::Close));
}

#[test]
fn a_refused_client_that_closes_need_not_be_lingered_for() {
    let mut scene = Scene::new();
    scene.sends("bad\r\n\r\n");
    assert_eq!(scene.ending(), Some(Ending::Linger));
    assert_eq!(scene.closes(), None);
    assert_eq!(scene.ending(), Some(Ending::Close));
}

#[test]
fn a_refusal_while_the_body_is_coming_drops_the_rest_of_it() {
    let mut scene = Scene::new();
    scene.sends("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc");
    assert_eq!(scene.refuses(&ErrorResponse::NoStorage), Outcome::Refused { status: 503 });
    assert_eq!(scene.ending(), Some(Ending::Linger));
    assert_eq!(scene.connection.body_remaining(), None);
    assert!(scene.connection.wants_read(), "so that the answer is not lost to a reset");
    assert_eq!(scene.sends([b'x'; 97]), [""; 0]);
    assert_eq!(scene.sends(get("/2")), [""; 0]);
    assert!(scene.gets().starts_with("HTTP/1.1 503 Service Unavailable|Connection: close|"));
}

#[test]
fn a_refusal_of_a_complete_request_closes_at_once() {
    let mut scene = Scene::new();
    scene.sends(get("/"));
    let busy = ErrorResponse::Busy { retry_after_seconds: 7 };
    assert_eq!(scene.refuses(&busy), Outcome::Refused { status: 503 });
    assert!(scene.gets().contains("|Retry-After: 7|"));
    assert_eq!(scene.ending(), Some(Ending::Close));
    assert_eq!(scene.answers("too late"), Outcome::Gone);
    assert_eq!(scene.gets(), "");
}

#[test]
fn a_refusal_after_the_head_cuts_the_response_off() {
    let mut scene = Scene::new();
    scene.sends(get("/"));
    scene.begins(&[], None);
    scene.continues("abc");
    assert_eq!(scene.refuses(&ErrorResponse::TimedOut), Outcome::Cut);
    assert_eq!(scene.gets(), "HTTP/1.1 200 OK|Transfer-Encoding: chunked||3|abc|");
    assert_eq!(scene.ending(), Some(Ending::Close), "the last chunk is missing");
}

#[test]
fn a_refusal_after_all_that_was_declared_takes_nothing_away() {
    let mut scene = Scene::new();
    scene.sends(get("/"));
    scene.begins(&[("Content-Length", "3")], None);
    scene.continues("abc");
    assert_eq!(scene.refuses(&ErrorResponse::TimedOut), Outcome::Complete);
    assert_eq!(scene.gets(), "HTTP/1.1 200 OK|Content-Length: 3||abc");
    assert_eq!(scene.ending(), Some(Ending::Close));
}

#[test]
fn a_newcomer_without_room_is_told_so_and_lingered_for() {
    let mut scene = Scene::new();
    let busy = ErrorResponse::Busy { retry_after_seconds: 1 };
    scene.connection.reject_overloaded(&busy, &mut scene.out, &scene.now);
    assert!(scene.gets().starts_with("HTTP/1.1 503 Service Unavailable|Connection: close|"));
    assert_eq!(scene.ending(), Some(Ending::Linger));
    assert_eq!(scene.sends(get("/")), [""; 0]);
}

#[test]
fn a_refused_head_request_gets_no_content() {
    for request in ["HEAD / HTTP/1.1\r\n\r\n", "HEAD / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"] {
        let mut scene = Scene::new();
        assert_eq!(scene.sends(request), ["400"]);
        let gets = scene.gets();
        assert!(gets.contains("|Content-Length: "), "{gets}");
        assert!(gets.ends_with("||"), "{gets}");
        assert_eq!(scene.connection.error_body_bytes(), 0);
    }
}

#[test]
fn the_body_of_a_refusal_is_counted_whoever_refuses() {
    let mistake = |scene: &mut Scene| assert_eq!(scene.sends("mistake\r\n\r\n"), ["400"]);
    let disk = |scene: &mut Scene| {
        scene.sends(get("/"));
        assert_eq!(scene.connection.error_body_bytes(), 0);
        assert_eq!(scene.refuses(&ErrorResponse::NoStorage), Outcome::Refused { status: 503 });
    };
    for refuse in [mistake, disk] {
        let mut scene = Scene::new();
        refuse(&mut scene);
        let gets = scene.gets();
        let declared = gets.split_once("|Content-Length: ").and_then(|(_, rest)| {
            rest.split_once('|').and_then(|(length, _)| length.parse::<u64>().ok())
        });
        assert_eq!(Some(scene.connection.error_body_bytes()), declared, "{gets}");
    }
}

#[test]
fn an_ended_connection_stays_ended_whatever_is_said() {
    let mut scene = Scene::new();
    scene.sends(get("/"));
    scene.connection.end(Ending::Reset);
    scene.begins(&[], None);
    scene.continues("abc");
    assert_eq!(scene.finishes(), Outcome::Gone);
    assert_eq!(scene.fails(), Outcome::Gone);
    assert_eq!(scene.refuses(&ErrorResponse::NoStorage), Outcome::Gone);
    scene.connection.handle_drain_announced();
    assert_eq!((scene.gets().as_str(), scene.ending()), ("", Some(Ending::Reset)));
    assert_eq!(scene.phase(), Phase::Ending);
}
