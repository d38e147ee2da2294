//! Continues a connection that another worker process has handed over.
//!
//! The bytes that the other process has received are parsed again, as if they arrived now, but with
//! the times at which they did: timeouts, the queue's order and the waits in the metrics go on from
//! there. What the client sends meanwhile stays in the socket, behind them.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use maitred_http_parser::connection::Moment;
use maitred_http_parser::exchange::Peer;

use super::conn::ClientConnection;
use super::parcel::{MovedProgress, Parcel};
use super::shared::Shared;
use super::siblings::SiblingProcesses;
use super::submit::{Arriving, feed_at};
use super::travel::Travel;
use crate::transport::stream::Stream;

impl ClientConnection {
    /// The connection that was handed over with this socket, to a process with so many listeners.
    /// Nothing of its input has been parsed.
    ///
    /// # Errors
    /// The socket cannot be used, or there is no such listener.
    pub(crate) fn adopted(
        shared: &Arc<Shared>,
        siblings: &SiblingProcesses,
        parcel: &Parcel<'_>,
        socket: OwnedFd,
        listeners: usize,
    ) -> io::Result<Arc<Self>> {
        let listener = usize::from(parcel.listener);
        if listener >= listeners {
            let text = format!("it is of listener {listener}, and there are {listeners}");
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        let stream = Stream::adopted(socket, parcel.peer)?;
        let peer = parcel.peer.map_or_else(Peer::unix, Peer::tcp);
        let since_ns = match parcel.progress {
            MovedProgress::New { since_ns } | MovedProgress::Waiting { since_ns } => since_ns,
            MovedProgress::Queued { began_ns, .. } => began_ns,
        };
        let since = siblings.to_instant(since_ns, shared.clock.instant());
        let conn = Self::new(Arc::clone(shared), stream, peer, listener, since);
        conn.state().travel.arrived(parcel);
        Ok(Arc::new(conn))
    }

    /// Parses what the other process has received, up to the end of the first request. Returns the request
    /// whose body is still arriving: the other process may have kept its beginning without parsing it.
    pub(crate) fn replay(
        self: &Arc<Self>,
        siblings: &SiblingProcesses,
        parcel: &Parcel<'_>,
    ) -> Arriving {
        let now = self.shared.clock.now();
        let at = |ns| Moment { instant: siblings.to_instant(ns, now.instant), date: now.date };
        let mut arriving = None;
        let mut feed = |input: &[u8], ns| feed_at(self, &mut arriving, input, &at(ns));
        match parcel.progress {
            MovedProgress::New { .. } => {}
            MovedProgress::Waiting { since_ns } => feed(parcel.input, since_ns),
            MovedProgress::Queued { began_ns, queued_at_ns } => {
                // The first byte came when the request began, and the last when it was queued.
                let (first, rest) = parcel.input.split_at(parcel.input.len().min(1));
                feed(first, began_ns);
                feed(rest, queued_at_ns);
            }
        }
        arriving
    }
}

impl Travel {
    fn arrived(&mut self, parcel: &Parcel<'_>) {
        self.hops = parcel.hops;
        self.is_adopted = matches!(parcel.progress, MovedProgress::Queued { .. });
    }
}
