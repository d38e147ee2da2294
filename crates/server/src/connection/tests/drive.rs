//! Tests of single steps of the I/O task, in an order that it rarely meets.

use std::io::Write as _;

use maitred_config::Settings;

use super::*;
use crate::connection::budget::HeldMemory;
use crate::connection::by_hand::{ByHand, run};

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
