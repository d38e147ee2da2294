//! What is lost with a connection that another process was sent, and that nobody can continue.

use crate::connection::parcel::{MovedProgress, Parcel};
use crate::telemetry::cells::Lost;

/// A connection of which nothing can be read.
pub(crate) const UNREADABLE: Lost = Lost { connections: 1, requests: Vec::new(), waiting: 0 };

impl Parcel<'_> {
    /// The connection, and its request if one has arrived.
    pub(crate) fn lost(&self) -> Lost {
        let request = match self.progress {
            MovedProgress::Queued { .. } => self.input.split(|&byte| byte == b' ').next(),
            MovedProgress::New { .. } | MovedProgress::Waiting { .. } => None,
        };
        let method = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Lost { connections: 1, requests: request.map(method).into_iter().collect(), waiting: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_is_lost_has_a_request_if_one_has_arrived() {
        let lost = |progress| {
            let input = b"POST /a HTTP/1.1\r\n\r\n";
            Parcel { hops: 0, listener: 0, peer: None, progress, input }.lost()
        };
        let queued = MovedProgress::Queued { began_ns: 1, queued_at_ns: 2 };
        let request = vec!["POST".to_owned()];
        assert_eq!(lost(queued), Lost { connections: 1, requests: request, waiting: 0 });
        let waiting = MovedProgress::Waiting { since_ns: 1 };
        assert_eq!(lost(waiting), Lost { connections: 1, ..Lost::default() });
    }
}
