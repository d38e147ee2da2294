//! Tests of what becomes of input: one request at a time, and none that has been answered already.

use std::path::PathBuf;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::task::Poll;

use maitred_config::Settings;
use maitred_http_parser::exchange::Chunk;

use super::*;
use crate::connection::by_hand::{ByHand, ok, run};

#[test]
fn a_request_behind_another_one_is_not_read_before_that_has_been_answered_and_sent() {
    run(async {
        let answered = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&answered);
        let answer = move |mut exchange: Exchange| {
            count.fetch_add(1, Ordering::Relaxed);
            exchange.reply.head(ok());
            let _ = exchange.reply.finish(Chunk::Borrowed(b"hello"));
        };
        let at_once = |_: &_| Answers::AtOnce(Box::new(answer));
        let mut hand = ByHand::connect_to(&Settings::default(), at_once).await;
        hand.feed(&b"GET / HTTP/1.1\r\nHost: t\r\n\r\n".repeat(100));
        assert_eq!(answered.load(Ordering::Relaxed), 1);
        hand.feed(b"");
        assert_eq!(answered.load(Ordering::Relaxed), 2);
    });
}

/// A request whose body is being stored in this folder is answered meanwhile. Returns what the client
/// gets, and the metrics.
fn answered_while_stored(folder: Option<PathBuf>) -> (String, String) {
    let mut result = (String::new(), String::new());
    run(async {
        let settings = Settings::default().with(|settings| {
            settings.limits.inbuf_overflow = 3;
            settings.application.temp_dir = folder;
        });
        let mut hand = ByHand::connect(&settings).await;
        hand.feed(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\nbody");
        assert_eq!(hand.incoming.as_ref().unwrap().room(), None);
        // The only thread for the disk is busy until then.
        let (go_on, is_answered) = mpsc::channel();
        let busy = tokio::task::spawn_blocking(move || is_answered.recv().unwrap());
        {
            let mut storing = pin!(spill(&hand.conn, &mut hand.incoming));
            let pending = std::future::poll_fn(|cx| Poll::Ready(storing.as_mut().poll(cx))).await;
            assert!(pending.is_pending());
            hand.conn.reject_arriving(RejectReason::WorkerHung);
            go_on.send(()).unwrap();
            storing.await;
        }
        busy.await.unwrap();
        assert_eq!((hand.queue.len(), hand.incoming.is_none()), (0, true));
        result = (String::from_utf8(hand.read()).unwrap(), hand.telemetry.scrape());
    });
    result
}

#[test]
fn a_request_that_was_answered_while_its_body_was_stored_reaches_no_worker() {
    let (told, metrics) = answered_while_stored(None);
    assert!(told.starts_with("HTTP/1.1 503") && told.matches("HTTP/1.1").count() == 1, "{told}");
    let series = "maitred_requests_total{worker=\"0\",method=\"POST\",code=\"503\"} 1\n";
    assert!(metrics.contains(series), "{metrics}");
}

#[test]
fn a_body_that_cannot_be_stored_is_no_second_refusal_of_a_request_that_was_answered() {
    let folder = tempfile::tempdir().unwrap();
    let (told, metrics) = answered_while_stored(Some(folder.path().join("missing")));
    assert_eq!(told.matches("HTTP/1.1").count(), 1, "{told}");
    for (reason, count) in [("worker_hung", 1), ("storage", 0)] {
        let series = format!("rejected_total{{worker=\"0\",reason=\"{reason}\"}} {count}\n");
        assert!(metrics.contains(&series), "{metrics}");
    }
}
