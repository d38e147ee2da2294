//! Tests of single steps of the I/O task, in an order that it rarely meets.

use std::io::Write as _;

use maitred_config::Settings;
use maitred_http_parser::exchange::Chunk;

use super::*;
use crate::connection::budget::HeldMemory;
use crate::connection::by_hand::{ByHand, ok, run};

#[test]
fn a_body_for_which_there_was_room_arrives_though_others_have_used_up_the_memory() {
    run(async {
        let settings = Settings::default().with(|settings| settings.limits.client_memory = 100_000);
        let mut hand = ByHand::connect(&settings).await;
        hand.feed(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 30000\r\n\r\n");
        hand.feed(&[b'x'; 20_000]);
        let request = hand.incoming.as_mut().unwrap();
        let room = request.room().unwrap();
        let mut others = HeldMemory::new(Arc::clone(&hand.conn.shared.temp_files.budget));
        others.set_output(100_001);
        assert_eq!(request.room(), None, "the next bytes must wait");
        hand.client.write_all(&[b'x'; 100]).unwrap();
        let received = poll_fn(|cx| receive_body(&hand.stream, request, room, cx)).await;
        assert!((1..=100).contains(&received.unwrap()), "this is not the end of the body");
    });
}

/// A connection whose last response has been sent.
async fn answered() -> ByHand {
    let mut hand = ByHand::connect(&Settings::default()).await;
    let mut reply = hand.request(b"POST / HTTP/1.0\r\nContent-Length: 4\r\n\r\nbody");
    reply.head(ok());
    let _ = reply.finish(Chunk::Borrowed(b"hello"));
    assert_eq!((hand.waiting(), hand.conn.state().protocol.ending()), (0, Some(Ending::Close)));
    hand
}

#[test]
fn input_of_which_the_reactor_has_not_heard_is_read_before_a_close() {
    run(async {
        let mut hand = answered().await;
        hand.client.write_all(b"\r\n").unwrap(); // as some old clients do behind a body
        // Nothing is awaited, so the reactor has no turn.
        while !hand.stream.has_bytes() {
            std::thread::yield_now();
        }
        assert_eq!(end(&hand.conn, &hand.stream, Ending::Close), None);
        assert!(hand.conn.state().ending.is_lingering());
    });
}

#[test]
fn a_connection_without_unread_input_is_closed_at_once() {
    run(async {
        let hand = answered().await;
        let why = end(&hand.conn, &hand.stream, Ending::Close);
        assert_eq!(why, Some(CloseReason::Finished));
    });
}
