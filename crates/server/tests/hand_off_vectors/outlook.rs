//! What the protocol says of a connection that has received some input: whether it can move, and what
//! the application has been asked.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use maitred_config::Settings;
use maitred_http_parser::RequestHead;
use maitred_http_parser::connection::{Connection, Moment, Received, Rules, request_bytes};
use maitred_http_parser::encode::{ErrorResponse, HttpDate};
use maitred_http_parser::exchange::Peer;
use maitred_http_parser::forwarded::resolve;

use super::support::ok;

/// The input that fits into a message to another process, as `connection/parcel.rs` has it.
const MOVABLE_BYTES_MAX: usize = 33 * 1024 - 128;

/// What the threads of a process do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Threads {
    /// They answer every request.
    Answer,
    /// All are held elsewhere, and requests wait.
    Held,
}

/// A connection whose process is done with its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outlook {
    /// Whether it can move to another process.
    pub(super) can_move: bool,
    /// The requests that were answered.
    pub(super) answers: usize,
}

/// What becomes of this input.
pub(super) fn outlook(mut input: &[u8], threads: Threads) -> Outlook {
    let now = Moment { instant: Instant::now(), date: HttpDate::new(SystemTime::UNIX_EPOCH) };
    let trust = maitred_server::trust(&Settings::default());
    let mut connection = Connection::new(Arc::new(Rules::default()), now.instant);
    let (mut out, mut answers) = (Vec::new(), 0);
    let mut request: Option<(Arc<RequestHead>, usize)> = None;
    loop {
        match connection.receive(&mut input, &mut out, &now) {
            Received::Head(head) => request = Some((head, 0)),
            Received::Body(piece) => {
                if let Some((_, body)) = &mut request {
                    *body += piece.len();
                }
            }
            Received::End => {
                let refused = request.as_ref().and_then(|(head, _)| {
                    resolve(&trust, head, &Peer::unix()).err().map(|fault| fault.rejection())
                });
                if let Some(rejection) = refused {
                    let rejected = ErrorResponse::Rejected(rejection);
                    let _ = connection.refuse(&rejected, &mut out, &now);
                    request = None;
                } else if threads == Threads::Answer {
                    connection.respond(ok(), Some(0), &mut out, &now);
                    let _ = connection.finish(&mut out, &now);
                    (answers, request) = (answers + 1, None);
                }
            }
            Received::Rejected(_) => request = None,
            Received::Wait | Received::Buffered | Received::Ignored => break,
        }
    }
    let unread = connection.unread().map(|unread| unread.len());
    let waits = request.map(|(head, body)| (head.expects_continue(), request_bytes(&head, body)));
    let can_move = match (unread, waits) {
        (Some(unread), None) => unread <= MOVABLE_BYTES_MAX,
        (Some(unread), Some((false, bytes))) => bytes + unread <= MOVABLE_BYTES_MAX,
        (Some(_), Some((true, _))) | (None, _) => false,
    };
    Outlook { can_move, answers }
}
