//! Where descriptors cannot be passed between processes, there is one process, and nothing moves.

use maitred_http_parser::RequestHead;
use maitred_http_parser::exchange::Body;

use super::conn::ClientConnection;
use crate::scheduling::requester::{Mobility, Origin, QueuedRequest};
use crate::scheduling::siblings::Destination;

impl ClientConnection {
    /// Whether a complete request can move, and where it comes from.
    pub(super) fn mobility(&self, _: &RequestHead, _: &Body) -> (Mobility, Origin) {
        (Mobility::Fixed, Origin::Here)
    }

    /// Gives the request back.
    pub(super) fn hand_over_request(
        &self,
        request: Box<QueuedRequest>,
        _: Destination,
    ) -> Result<(), Box<QueuedRequest>> {
        Err(request)
    }
}
