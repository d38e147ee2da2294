//! The life of a request, step by step: each ends in one record, and steps that come late change
//! nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use maitred_http_parser::RequestHead;
use maitred_http_parser::connection::{Connection, Moment, Outcome, Phase, Received};
use maitred_http_parser::exchange::{Client, Peer};
use maitred_http_parser::forwarded::Forwarded;

use super::request_progress::{Complete, RequestProgress};
use crate::system::clock::Clock;
use crate::telemetry::DisconnectStage;
use crate::telemetry::record::RequestOutcome;

fn client() -> Client {
    Client { peer: Arc::new(Peer::unix()), forwarded: Forwarded::default(), listener: 0 }
}

fn head(path: &str, now: &Moment) -> Arc<RequestHead> {
    let mut protocol = Connection::new(Arc::default(), now.instant);
    let input = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    match protocol.receive(&mut input.as_bytes(), &mut Vec::new(), now) {
        Received::Head(head) => head,
        other => panic!("{other:?}"),
    }
}

/// A request for a path, at every step one second later.
struct Walk {
    progress: RequestProgress,
    now: Moment,
}

impl Walk {
    fn new() -> Self {
        let now = Clock::standing().now();
        Self { progress: RequestProgress::new(now.instant), now }
    }

    fn later(&mut self) -> Instant {
        self.now.instant += Duration::from_secs(1);
        self.now.instant
    }

    fn queued(&mut self, path: &str) -> Option<String> {
        let now = self.later();
        self.progress.input_arrived(Phase::Idle, now);
        let head = head(path, &self.now);
        let complete =
            Complete { head, client: client(), request_id: None, body_bytes: 3, file: None };
        let now = self.later();
        let previous = self.progress.queued(complete, now)?;
        Some(String::from_utf8_lossy(previous.head.as_ref()?.path()).into_owned())
    }

    fn taken(&mut self) -> Instant {
        let now = self.later();
        self.progress.taken(7, now);
        now
    }
}

#[test]
fn a_request_that_was_answered_and_sent_has_one_record_with_the_times_of_its_steps() {
    let mut walk = Walk::new();
    let began = walk.now.instant;
    walk.queued("/");
    walk.taken();
    assert!(walk.progress.sent().is_none(), "the application is still running");
    walk.progress.head_given(200);
    walk.progress.body_given(5);
    let now = walk.later();
    walk.progress.answered(Outcome::Complete, 0, now);
    let record = walk.progress.sent().expect("it was answered");
    assert!(walk.progress.sent().is_none(), "it was reported");
    let seconds = |at: Option<Instant>| at.map(|at| (at - began).as_secs());
    assert_eq!((record.received_at - began).as_secs(), 1);
    assert_eq!(
        [record.queued_at, record.taken_at, record.answered_at].map(seconds),
        [Some(2), Some(3), Some(4)]
    );
    assert_eq!((record.thread, record.status), (Some(7), Some(200)));
    assert_eq!((record.request_body_bytes, record.response_body_bytes), (3, 5));
    assert_eq!(record.outcome, RequestOutcome::Complete);
}

#[test]
fn an_answer_that_comes_after_that_of_the_server_changes_nothing() {
    let mut walk = Walk::new();
    walk.queued("/");
    let taken_at = walk.taken();
    assert!(walk.progress.is_served_by(7, taken_at) && !walk.progress.is_served_by(8, taken_at));
    walk.progress.refused(Outcome::Refused { status: 504 }, 11);
    assert!(!walk.progress.is_served_by(7, taken_at), "it is not answered twice");
    let now = walk.later();
    walk.progress.answered(Outcome::Gone, 0, now);
    let record = walk.progress.sent().expect("the server has answered");
    assert_eq!((record.status, record.response_body_bytes), (Some(504), 11));
    assert_eq!((record.outcome, record.answered_at), (RequestOutcome::Complete, None));
}

#[test]
fn a_client_that_leaves_ends_a_queued_request_at_once_and_a_served_one_with_its_answer() {
    let mut walk = Walk::new();
    walk.queued("/");
    walk.progress.abandoned();
    let record = walk.progress.sent().expect("nobody answers it");
    assert_eq!(record.outcome, RequestOutcome::Abandoned(DisconnectStage::Queued));
    assert_eq!(record.code(), 499);

    walk.queued("/");
    walk.taken();
    walk.progress.abandoned();
    assert!(walk.progress.sent().is_none(), "the application is still running");
    let now = walk.later();
    walk.progress.answered(Outcome::Gone, 0, now);
    let record = walk.progress.sent().expect("it has answered nobody");
    assert_eq!(record.outcome, RequestOutcome::Abandoned(DisconnectStage::Served));
}

#[test]
fn a_complete_response_that_is_not_sent_is_abandoned_or_cut_by_who_ended_the_connection() {
    for (by_server, expected) in
        [(false, RequestOutcome::Abandoned(DisconnectStage::Writing)), (true, RequestOutcome::Cut)]
    {
        let mut walk = Walk::new();
        walk.queued("/");
        walk.taken();
        let now = walk.later();
        walk.progress.answered(Outcome::Complete, 0, now);
        if by_server {
            walk.progress.cut();
        }
        walk.progress.unsent();
        assert_eq!(walk.progress.sent().map(|record| record.outcome), Some(expected));
    }
}

#[test]
fn the_next_request_brings_the_record_of_one_whose_last_bytes_are_being_sent() {
    let mut walk = Walk::new();
    assert_eq!(walk.queued("/first"), None);
    walk.taken();
    let now = walk.later();
    walk.progress.answered(Outcome::Complete, 0, now);
    assert_eq!(walk.queued("/second").as_deref(), Some("/first"));
    assert!(walk.progress.sent().is_none(), "the second one is not answered");
}

#[test]
fn a_request_that_arrives_becomes_the_complete_one_without_a_record() {
    let mut walk = Walk::new();
    let arriving = head("/upload", &walk.now);
    assert!(walk.progress.head_arrived(arriving, client()).is_none());
    assert_eq!(walk.queued("/upload"), None);
}

#[test]
fn a_head_that_is_rejected_or_never_ends_counts_once() {
    let mut walk = Walk::new();
    let rejected = RequestOutcome::Complete;
    assert!(walk.progress.rejected(400, 9, rejected, || (None, client())).is_none());
    walk.progress.head_abandoned(|| panic!("it is known"));
    let record = walk.progress.sent().expect("it was rejected");
    assert_eq!((record.status, record.response_body_bytes), (Some(400), 9));

    walk.progress.head_abandoned(|| (None, client()));
    walk.progress.abandoned();
    let record = walk.progress.sent().expect("its client has left");
    assert_eq!(record.outcome, RequestOutcome::Abandoned(DisconnectStage::Reading));
}
