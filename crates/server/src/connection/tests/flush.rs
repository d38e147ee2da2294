//! Tests of who sends what: a thread that may hold the interpreter's lock reads no file.

use std::future::poll_fn;
use std::io::Write as _;
use std::task::Context;

use maitred_config::Settings;
use maitred_http_parser::exchange::{Chunk, FileBody, Flow, Reply};

use crate::connection::budget::Direction;
use crate::connection::by_hand::{ByHand, ok, run};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: t\r\n\r\n";

/// A response of which some has been moved to the disk, and a client that has room for more of it now.
/// Returns what the client has read.
async fn spooled(hand: &mut ByHand, reply: &mut dyn Reply) -> Vec<u8> {
    reply.head(ok());
    while reply.chunk(Chunk::Borrowed(&[b'x'; 32 * 1024])) != Flow::Wait {}
    assert_eq!(reply.wait(), Flow::Continue);
    assert_eq!(hand.conn.state().outbox.memory_bytes(), 0);
    let mut read = Vec::new();
    read_until_writable(hand, &mut read).await;
    read
}

/// Lets the client read until the socket has room.
async fn read_until_writable(hand: &mut ByHand, read: &mut Vec<u8>) {
    let step = |cx: &mut Context<'_>| {
        read.append(&mut hand.read());
        cx.waker().wake_by_ref();
        hand.stream.poll_write_ready(cx)
    };
    poll_fn(step).await.unwrap();
}

fn settings() -> Settings {
    Settings::default().with(|settings| settings.limits.outbuf_overflow = 1000)
}

#[test]
fn a_chunk_does_not_send_what_was_moved_to_the_disk_before_it() {
    run(async {
        let mut hand = ByHand::connect(&settings()).await;
        let mut reply = hand.request(REQUEST);
        spooled(&mut hand, &mut *reply).await;
        let before = hand.waiting();
        for _ in 0..3 {
            let _ = reply.chunk(Chunk::Borrowed(b"more"));
        }
        assert!(hand.waiting() > before, "it was sent, or some of the file before it");
        let _ = reply.finish(Chunk::Borrowed(b"the end"));
        assert!(hand.waiting() > before, "it was sent, or some of the file before it");
    });
}

#[test]
fn a_response_that_fails_does_not_send_what_was_moved_to_the_disk() {
    run(async {
        let mut hand = ByHand::connect(&settings()).await;
        let mut reply = hand.request(REQUEST);
        spooled(&mut hand, &mut *reply).await;
        let before = hand.waiting();
        drop(reply);
        assert_eq!(hand.waiting(), before);
    });
}

#[test]
fn the_io_task_sends_what_workers_left_in_order() {
    run(async {
        let mut hand = ByHand::connect(&settings()).await;
        let mut reply = hand.request(REQUEST);
        let mut read = spooled(&mut hand, &mut *reply).await;
        let _ = reply.finish(Chunk::Borrowed(b"the end"));
        while hand.waiting() > 0 {
            read_until_writable(&mut hand, &mut read).await;
            let _ = hand.conn.write_out();
        }
        hand.read_to(read, b"x\r\n7\r\nthe end\r\n0\r\n\r\n");
        let budget = &hand.conn.shared.temp_files.budget;
        assert_eq!(budget.disk_bytes(Direction::Out), 0, "its space is free");
    });
}

#[test]
fn a_thread_that_waits_for_the_client_sends_what_is_on_the_disk() {
    run(async {
        let mut hand = ByHand::connect(&settings()).await;
        let mut reply = hand.request(REQUEST);
        spooled(&mut hand, &mut *reply).await;
        let before = hand.waiting();
        assert_eq!(reply.wait(), Flow::Continue);
        assert!(hand.waiting() < before);
    });
}

#[test]
fn a_file_is_sent_by_the_thread_that_gives_it() {
    run(async {
        let mut hand = ByHand::connect(&settings()).await;
        let mut reply = hand.request(REQUEST);
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"a file").unwrap();
        reply.head(ok());
        let body = FileBody { file, offset: 0, length: 6, owner: None };
        assert_eq!(reply.file(body), Flow::Continue);
        assert_eq!(hand.waiting(), 0);
        assert_eq!(reply.finish(Chunk::Borrowed(b"")), Flow::Continue);
        hand.read_to(Vec::new(), b"\r\n\r\na file");
    });
}
