//! Tests of deadlines that pass while input waits in the kernel.

use std::io::Write as _;
use std::task::Waker;

use maitred_config::Settings;
use maitred_http_parser::exchange::Chunk;

use super::*;
use crate::connection::by_hand::{ByHand, ok, run};

#[test]
fn a_request_in_the_kernel_is_not_late_before_the_io_task_has_looked() {
    run(async {
        let any_time_is_too_long =
            |settings: &mut Settings| settings.timeouts.keep_alive = Duration::from_nanos(1);
        let mut hand = ByHand::connect(&Settings::default().with(any_time_is_too_long)).await;
        let mut reply = hand.request(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n");
        reply.head(ok());
        let _ = reply.finish(Chunk::Borrowed(b"hello"));
        hand.client.write_all(b"GET / HTTP/1.1\r\n").unwrap();
        while !hand.stream.has_bytes() {
            std::thread::yield_now();
        }
        for _ in 0..3 {
            hand.conn.sweep(Duration::ZERO);
            assert!(!hand.conn.state().ending.is_over());
        }
        hand.conn.state().set_waker(Waker::noop()); // it has looked, and read nothing
        hand.conn.sweep(Duration::ZERO);
        assert!(hand.conn.state().ending.is_over());
    });
}
