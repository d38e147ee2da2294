//! Hands a connection over to another worker process: its socket, and what it has received.
//!
//! Only the I/O thread does this, which is the only reader of the socket, and only while nobody
//! writes: between two requests, or while a complete request waits for a worker and no output is
//! left. The receiver is given the bytes of the client again (`adopt.rs`). When they have been sent,
//! the connection is over here without any of what belongs to an end: the socket stays open, nothing
//! is answered, counted or logged. If they cannot be sent, nothing has happened.

use std::os::fd::AsFd as _;
use std::sync::Arc;

use maitred_http_parser::RequestHead;
use maitred_http_parser::connection::{self, append_request, request_bytes};
use maitred_http_parser::exchange::Body;

use super::conn::{ClientConnection, State};
use super::parcel::{Content, INPUT_BYTES_MAX, MovedProgress, Parcel};
use super::request_progress::RequestProgress;
use super::siblings::SiblingProcesses;
use crate::scheduling::requester::{Mobility, Origin, QueuedRequest};
use crate::scheduling::siblings::Destination;
use crate::transport::stream::Stream;

/// What is sent of a connection.
struct Luggage {
    input: Vec<u8>,
    progress: MovedProgress,
    hops: u8,
    stream: Arc<Stream>,
}

impl ClientConnection {
    /// Whether a complete request can move, and where it comes from.
    pub(super) fn mobility(&self, head: &RequestHead, body: &Body) -> (Mobility, Origin) {
        let Some(siblings) = &self.shared.siblings else { return (Mobility::Fixed, Origin::Here) };
        let travel = &mut self.state().travel;
        siblings.count_active(&mut travel.counted_in);
        let body_bytes = match body {
            Body::Empty => Some(0),
            Body::Memory(bytes) => Some(bytes.len()),
            Body::File { .. } => None,
        };
        let fits = body_bytes.is_some_and(|bytes| request_bytes(head, bytes) <= INPUT_BYTES_MAX);
        let can_move = fits && !head.expects_continue();
        let hops = travel.hops;
        (
            if can_move { Mobility::Movable { hops } } else { Mobility::Fixed },
            if travel.is_adopted { Origin::Adopted } else { Origin::Here },
        )
    }

    /// Hands the connection over with the request that waits for its response.
    ///
    /// # Errors
    /// It cannot move now; the request is given back.
    pub(super) fn hand_over_request(
        &self,
        request: Box<QueuedRequest>,
        to: Destination,
    ) -> Result<(), Box<QueuedRequest>> {
        let Some(siblings) = &self.shared.siblings else { return Err(request) };
        let luggage = self.state().pack_request(&request, siblings);
        let Some(luggage) = luggage else { return Err(request) };
        if !self.send(&luggage, to, siblings) {
            return Err(request);
        }
        // Its reply finds that the connection is over.
        drop(request);
        Ok(())
    }

    /// Hands the connection over, if it is between two requests or within a head.
    pub(crate) fn hand_over_if_idle(&self, to: Destination) {
        let Some(siblings) = &self.shared.siblings else { return };
        let luggage = self.state().pack_idle(siblings);
        if let Some(luggage) = luggage {
            self.send(&luggage, to, siblings);
        }
    }

    fn send(&self, luggage: &Luggage, to: Destination, siblings: &SiblingProcesses) -> bool {
        let parcel = Parcel {
            hops: luggage.hops.saturating_add(1),
            listener: u16::try_from(self.listener).unwrap_or(u16::MAX),
            peer: self.peer.address,
            progress: luggage.progress,
            input: &luggage.input,
        };
        let is_sent = siblings.send_connection(to, parcel, luggage.stream.descriptor());
        if is_sent {
            self.moved();
        }
        is_sent
    }

    /// Another process has the connection. The reactor forgets its socket when the I/O task has ended.
    fn moved(&self) {
        let stream = {
            let mut state = self.state();
            state.ending.moved();
            state.request = RequestProgress::new(state.last_active);
            state.protocol.end(connection::Ending::Close);
            state.wake_io();
            state.stream.take()
        };
        drop(stream);
    }
}

impl State {
    /// The socket, if nobody else uses it and no output is left for it.
    fn free_stream(&self) -> Option<Arc<Stream>> {
        let is_free = !self.writing && self.outbox.is_empty() && !self.ending.is_over();
        if is_free { self.stream.clone() } else { None }
    }

    fn pack_request(
        &self,
        request: &QueuedRequest,
        siblings: &SiblingProcesses,
    ) -> Option<Luggage> {
        let stream = self.free_stream()?;
        let (head, body): (_, &[u8]) = match &request.exchange.body {
            Body::Empty => (&request.exchange.head, &[]),
            Body::Memory(bytes) => (&request.exchange.head, bytes),
            Body::File { .. } => return None,
        };
        let unread = self.protocol.unread()?;
        let length = request_bytes(head, body.len()) + unread.len();
        if length > INPUT_BYTES_MAX {
            return None;
        }
        let mut input = Vec::with_capacity(length);
        append_request(head, body, &mut input);
        unread.append_to(&mut input);
        let (_, began) = self.request.received()?;
        let progress = MovedProgress::Queued {
            began_ns: siblings.to_ns(began),
            queued_at_ns: siblings.to_ns(request.exchange.queued_at),
        };
        Some(Luggage { input, progress, hops: self.travel.hops, stream })
    }
}

impl State {
    fn pack_idle(&self, siblings: &SiblingProcesses) -> Option<Luggage> {
        let stream = self.free_stream()?;
        let since_ns = siblings.to_ns(self.protocol.waiting_since()?);
        let unread = self.protocol.unread()?;
        if unread.len() > INPUT_BYTES_MAX {
            return None;
        }
        let progress = if self.request.is_awaited() {
            MovedProgress::New { since_ns }
        } else {
            MovedProgress::Waiting { since_ns }
        };
        let mut input = Vec::with_capacity(unread.len());
        unread.append_to(&mut input);
        Some(Luggage { input, progress, hops: self.travel.hops, stream })
    }
}

impl SiblingProcesses {
    /// Sends a connection to the process of a seat. Returns whether it has it now.
    fn send_connection(
        &self,
        to: Destination,
        parcel: Parcel<'_>,
        socket: std::os::fd::BorrowedFd<'_>,
    ) -> bool {
        let Some(seat) = self.place().board().seat(to.seat) else { return false };
        // Counted first: the sum of all open connections is too high for a moment, never too low.
        seat.add_sent(crate::board::monotonic_ns());
        // Once it is sent, it may end there before its task here has noticed.
        self.departs();
        let message = self.message(to.seat, Content::Connection(parcel));
        match self.inboxes.send(to.seat, &message, Some(socket.as_fd())) {
            Ok(()) => {
                self.telemetry.handed_over(to.why);
                true
            }
            Err(why) => {
                seat.subtract_sent();
                self.departs_no_more();
                self.not_sent(to.seat, why);
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd as _;
    use std::os::unix::net::UnixDatagram;
    use std::time::Instant;

    use maitred_config::Settings;

    use super::super::inboxes::Inboxes;
    use super::super::siblings::Membership;
    use super::*;
    use crate::board::{Board, Place, Shape};
    use crate::scheduling::siblings::Reservation;
    use crate::telemetry::{HandoffReason, Telemetry};

    #[test]
    fn a_connection_that_was_sent_and_is_still_shown_is_not_lost_if_the_process_dies() {
        let board = Board::create(Shape::new(2, 1, 1), &std::env::temp_dir()).unwrap();
        let place = Place::new(Arc::new(board), 0, 0).unwrap();
        let (read, write) = UnixDatagram::pair().unwrap();
        let inboxes = Inboxes::new(2);
        inboxes.add(1, write.into());
        let membership =
            Membership { place: place.clone(), generation: 1, inboxes: Arc::new(inboxes) };
        let telemetry = Arc::new(Telemetry::new(&Settings::default()));
        let siblings = SiblingProcesses::new(membership, telemetry, Instant::now());
        let send = || {
            let to =
                Destination { seat: 1, reservation: Reservation::None, why: HandoffReason::Level };
            let progress = MovedProgress::New { since_ns: 5 };
            let parcel = Parcel { hops: 1, listener: 0, peer: None, progress, input: b"" };
            siblings.send_connection(to, parcel, read.as_fd())
        };
        siblings.show_connections(3);
        assert!(send() && send());
        assert_eq!((place.seat().open(), place.seat().open_and_staying()), (3, 1));
        // The task of one has ended.
        siblings.show_connections(2);
        siblings.departs_no_more();
        assert_eq!(place.seat().open_and_staying(), 1);
        // What cannot be sent stays.
        siblings.show_connections(1000);
        let sent = std::iter::from_fn(|| send().then_some(())).count() as u64;
        assert_eq!(place.seat().open_and_staying(), 1000 - 1 - sent);
    }
}
