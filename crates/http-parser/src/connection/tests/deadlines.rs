//! Tests of deadlines.

use super::*;

#[test]
fn a_client_that_never_sends_is_closed_on_without_a_word() {
    let mut scene = Scene::new();
    assert_eq!(scene.late_after(74), None);
    assert_eq!(scene.late_after(1), Some(Expired::KeepAlive));
    assert_eq!((scene.ending(), scene.gets().as_str()), (Some(Ending::Close), ""));
    assert_eq!(scene.late_after(1000), None, "once is enough");
}

#[test]
fn an_empty_line_does_not_make_an_idle_connection_younger() {
    let mut scene = Scene::new();
    assert_eq!(scene.late_after(70), None);
    scene.sends("\r\n");
    assert_eq!(scene.late_after(5), Some(Expired::KeepAlive));
}

#[test]
fn a_head_must_end_in_time_however_it_drips() {
    let mut scene = Scene::new();
    scene.passes(Duration::from_secs(70));
    for byte in get("/a/longer/one").as_bytes().iter().take(29) {
        scene.sends([*byte]);
        assert_eq!(scene.late_after(1), None);
    }
    assert_eq!(scene.late_after(1), Some(Expired::Head));
    assert!(scene.gets().starts_with("HTTP/1.1 408 Request Timeout|Connection: close|"));
    assert_eq!(scene.ending(), Some(Ending::Linger));
}

#[test]
fn a_pipelined_head_has_its_time_from_when_its_turn_comes() {
    let mut scene = Scene::new();
    scene.sends(get("/1") + "GET /2 HT");
    assert_eq!(scene.late_after(1000), None, "the application may take its time");
    scene.answers("1");
    scene.reads_pipelined();
    assert_eq!(scene.late_after(29), None);
    assert_eq!(scene.late_after(1), Some(Expired::Head));
}

#[test]
fn a_body_may_take_long_as_long_as_it_comes() {
    let mut scene = Scene::new();
    scene.sends("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6000000\r\n\r\n");
    for _ in 0..59 {
        assert_eq!(scene.late_after(50), None);
        scene.sends([b'x'; 100_000]);
    }
    assert_eq!(scene.late_after(60), Some(Expired::Body));
    assert!(scene.gets().starts_with("HTTP/1.1 408 Request Timeout|"));
    assert_eq!(scene.ending(), Some(Ending::Linger));
}

#[test]
fn bytes_received_past_the_decoder_are_progress_too() {
    let mut scene = Scene::new();
    scene.sends("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n");
    assert_eq!(scene.connection.body_remaining(), Some(200_000));
    assert_eq!(scene.late_after(50), None);
    scene.connection.body_received(100_000, scene.now.instant);
    assert_eq!(scene.late_after(50), None);
    scene.connection.body_received(100_000, scene.now.instant);
    assert_eq!(scene.connection.body_remaining(), Some(0));
    assert_eq!(scene.sends(""), ["/"]);
    assert_eq!(scene.late_after(1000), None);
}

#[test]
fn a_body_that_drips_is_cut_off_though_it_is_never_silent() {
    for head in ["Content-Length: 100000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n"] {
        let mut scene = Scene::new();
        scene.sends(format!("POST / HTTP/1.1\r\nHost: a\r\n{head}"));
        let is_chunked = head.starts_with('T');
        let late = (1..=70u64).find(|_| {
            scene.sends(if is_chunked { "1\r\nx\r\n" } else { "x" });
            scene.late_after(1).is_some()
        });
        // 60 seconds, and what 60 bytes are worth at the slowest rate allowed.
        assert_eq!(late, Some(61), "{head:?}");
    }
}

#[test]
fn chunk_lines_and_trailers_without_content_are_no_progress() {
    let mut scene = Scene::new();
    scene.sends("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    let late = (1..=70u64).find(|_| {
        scene.sends("0");
        scene.late_after(5).is_some()
    });
    assert_eq!(late, Some(12));
}

#[test]
fn no_time_runs_for_the_client_while_the_application_works() {
    let mut scene = Scene::new();
    scene.sends(get("/"));
    assert_eq!(scene.late_after(100_000), None);
    scene.answers("x");
    assert_eq!(scene.late_after(74), None);
    assert_eq!(scene.late_after(1), Some(Expired::KeepAlive));
}

#[test]
fn a_client_that_does_not_read_is_cut_off_from_when_the_socket_was_full() {
    let mut scene = Scene::new();
    scene.sends(get("/"));
    scene.begins(&[], None);
    scene.passes(Duration::from_secs(1000));
    scene.connection.handle_sent(5000, Unsent::Something, scene.now.instant);
    assert_eq!(scene.late_after(39), None);
    scene.connection.handle_sent(0, Unsent::Something, scene.now.instant);
    assert_eq!(scene.late_after(1), Some(Expired::Write), "more output is no progress");
    assert_eq!(scene.ending(), Some(Ending::Reset));
    assert_eq!(scene.late_after(1), None, "once is enough");
}

#[test]
fn a_client_that_reads_in_drips_is_cut_off_too() {
    let mut scene = Scene::new();
    scene.sends(get("/"));
    scene.begins(&[], None);
    scene.connection.handle_sent(5000, Unsent::Something, scene.now.instant);
    let late = (1..=100u64).find(|_| {
        scene.connection.handle_sent(50, Unsent::Something, scene.now.instant);
        scene.late_after(1).is_some()
    });
    // 50 bytes are worth a tenth of a second: 40 seconds and a tenth of the time that passes.
    assert_eq!(late, Some(45));
}

#[test]
fn a_client_that_reads_slowly_but_well_is_never_late() {
    let mut scene = Scene::new();
    scene.sends(get("/"));
    scene.begins(&[], None);
    for _ in 0..1000 {
        scene.connection.handle_sent(30_000, Unsent::Something, scene.now.instant);
        assert_eq!(scene.late_after(39), None);
    }
    scene.connection.handle_sent(30_000, Unsent::Nothing, scene.now.instant);
    assert_eq!(scene.late_after(100_000), None, "it is the application's turn");
}

#[test]
fn keep_alive_begins_when_the_last_answer_has_gone() {
    let mut scene = Scene::new();
    scene.sends(get("/"));
    scene.answers("x");
    scene.connection.handle_sent(10_000, Unsent::Something, scene.now.instant);
    for _ in 0..10 {
        assert_eq!(scene.late_after(35), None, "the client is still taking its answer");
        scene.connection.handle_sent(100_000, Unsent::Something, scene.now.instant);
    }
    scene.connection.handle_sent(1, Unsent::Nothing, scene.now.instant);
    assert_eq!(scene.late_after(74), None);
    assert_eq!(scene.late_after(1), Some(Expired::KeepAlive));
}

#[test]
fn lingering_ends_after_two_seconds() {
    let mut scene = Scene::new();
    scene.sends("bad\r\n\r\n");
    scene.connection.lingers(scene.now.instant);
    assert_eq!(scene.late_after(1), None);
    assert_eq!(scene.late_after(1), Some(Expired::Linger));
    assert_eq!(scene.ending(), Some(Ending::Close));
}
