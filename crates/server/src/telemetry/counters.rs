//! The series that are counted as events happen: which cell each has.

use std::marker::PhantomData;

use maitred_http_parser::Rejection;
use maitred_http_parser::fault::Stage;

use super::families::{self, CODE_CLASSES, CODES, Family, LISTENERS_MAX};
use super::histogram::Histogram;
use super::labels::{
    CloseReason, DisconnectStage, HandoffReason, HandoffRefusal, Label, LogStream, Method,
    RejectReason,
};
use super::layout::first_cell;

pub(super) const REQUEST_BYTES: usize = first_cell(&families::REQUEST_BYTES);
pub(super) const RESPONSE_BYTES: usize = first_cell(&families::RESPONSE_BYTES);
pub(super) const EVICTED: usize = first_cell(&families::EVICTED);
pub(super) const LIMIT_REACHED: usize = first_cell(&families::LIMIT_REACHED);
pub(super) const HANDOFFS_ADOPTED: usize = first_cell(&families::HANDOFFS_ADOPTED);
pub(super) const UNMOVABLE_WAITS: usize = first_cell(&families::UNMOVABLE_WAITS);

pub(super) const APP_EXCEPTIONS: Each<Stage> = Each::of(&families::APP_EXCEPTIONS);
pub(super) const PROTOCOL_ERRORS: Each<Rejection> = Each::of(&families::PROTOCOL_ERRORS);
pub(super) const DISCONNECTS: Each<DisconnectStage> = Each::of(&families::DISCONNECTS);
pub(super) const CLOSED: Each<CloseReason> = Each::of(&families::CLOSED);
pub(super) const REJECTED: Each<RejectReason> = Each::of(&families::REJECTED);
pub(super) const LOG_DROPPED: Each<LogStream> = Each::of(&families::LOG_DROPPED);
pub(super) const HANDOFFS: Each<HandoffReason> = Each::of(&families::HANDOFFS);
pub(super) const HANDOFFS_REFUSED: Each<HandoffRefusal> = Each::of(&families::HANDOFFS_REFUSED);

pub(super) const APP_DURATION: Histogram = Histogram::of(&families::APP_DURATION);
pub(super) const QUEUE_WAIT: Histogram = Histogram::of(&families::QUEUE_WAIT);
pub(super) const UPSTREAM_QUEUE: Histogram = Histogram::of(&families::UPSTREAM_QUEUE);

/// The cells of a family with one label.
#[derive(Clone, Copy)]
pub(super) struct Each<L> {
    first: usize,
    label: PhantomData<L>,
}

impl<L: Label> Each<L> {
    /// Fails to compile if the family is labelled otherwise.
    const fn of(family: &Family) -> Self {
        assert!(family.labels.len() == 1 && family.labels[0].len() == L::ALL.len());
        Self { first: first_cell(family), label: PhantomData }
    }

    /// The cell of one value.
    pub(super) fn at(self, label: L) -> usize {
        self.first + label.index()
    }
}

/// The cell of the connections that a listener accepted.
pub(super) fn accepted(listener: usize) -> usize {
    first_cell(&families::ACCEPTED) + listener.min(LISTENERS_MAX)
}

/// The cell of the requests with a method and a status.
pub(super) fn requests(method: Method, code: u16) -> usize {
    let (first, count) = CODES;
    let code = usize::from(code).checked_sub(usize::from(first)).filter(|&code| code < count);
    first_cell(&families::REQUESTS) + method.index() * (count + 1) + code.unwrap_or(count)
}

/// The durations of the requests with a status.
pub(super) fn request_duration(code: u16) -> Histogram {
    let class = usize::from(code / 100).clamp(1, CODE_CLASSES.len()) - 1;
    Histogram::of(&families::REQUEST_DURATION).series(class)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::layout::series;

    #[test]
    fn the_cells_of_requests_are_within_their_family_and_in_its_order() {
        let cells = |method, code| requests(method, code) - first_cell(&families::REQUESTS);
        assert_eq!(cells(Method::Get, 100), 0);
        assert_eq!(cells(Method::Get, 599), 499);
        assert_eq!(cells(Method::Get, 99), 500);
        assert_eq!(cells(Method::Head, 100), 501);
        assert_eq!(cells(Method::Other, 600), series(&families::REQUESTS) - 1);
    }

    #[test]
    fn listeners_beyond_the_last_that_is_counted_are_together() {
        assert_eq!(accepted(LISTENERS_MAX), accepted(usize::MAX));
        assert_ne!(accepted(LISTENERS_MAX), accepted(LISTENERS_MAX - 1));
    }
}
