//! The data about one finished request, for the access log and the metrics.
//!
//! A record begins with the request head, or with what is known of it if a request is rejected
//! before it has one. It ends exactly once, with the last byte of the response or with the connection.

use std::sync::Arc;
use std::time::{Duration, Instant};

use maitred_http_parser::RequestHead;
use maitred_http_parser::exchange::Client;
use maitred_http_parser::forwarded::Forwarded;

use super::event::LeftWhile;

/// The status in metrics and logs of a request whose client left before it had one: nginx's, whose
/// readers know it.
const CLIENT_LEFT: u16 = 499;

/// One request, from its first byte to the last of its answer.
#[derive(Debug)]
pub(crate) struct Record {
    /// Only the request line where the request was refused, or its client left, before the head
    /// was complete; `None` where that was not complete either, or was itself what was refused.
    pub(crate) head: Option<Arc<RequestHead>>,
    pub(crate) client: Client,
    pub(crate) request_id: Option<Arc<str>>,
    /// When its first byte came.
    pub(crate) received_at: Instant,
    /// When it was complete and began to wait for a thread.
    pub(crate) queued_at: Option<Instant>,
    /// When a thread took it.
    pub(crate) taken_at: Option<Instant>,
    /// When the application's response was complete.
    pub(crate) answered_at: Option<Instant>,
    /// The number of the worker thread that answered.
    pub(crate) thread: Option<usize>,
    pub(crate) request_body_bytes: u64,
    pub(crate) response_body_bytes: u64,
    /// The status of the head that has gone.
    pub(crate) status: Option<u16>,
    /// How it ended; `None` until then.
    pub(crate) result: Option<Result>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Result {
    /// With a whole response.
    Complete,
    /// With a response that was cut off: the application failed in the middle of it, or wrote less
    /// than it had declared, or its file became shorter or could not be read, or the server ended.
    Cut,
    /// The client left before the end.
    Abandoned(LeftWhile),
}

impl Record {
    /// A request of which as much has come as is known here.
    pub(crate) fn begin(
        head: Option<Arc<RequestHead>>,
        client: Client,
        received_at: Instant,
    ) -> Self {
        Self {
            head,
            client,
            request_id: None,
            received_at,
            queued_at: None,
            taken_at: None,
            answered_at: None,
            thread: None,
            request_body_bytes: 0,
            response_body_bytes: 0,
            status: None,
            result: None,
        }
    }

    /// The status in metrics and logs: what the client was told, else what became of it.
    pub(crate) fn code(&self) -> u16 {
        match (self.status, self.result) {
            (Some(status), _) => status,
            (None, Some(Result::Abandoned(_)) | None) => CLIENT_LEFT,
            (None, Some(Result::Complete | Result::Cut)) => 500,
        }
    }

    /// The value of a field of the request.
    pub(crate) fn request_field(&self, name: &str) -> Option<&[u8]> {
        self.head.as_ref()?.field(name)
    }

    /// Who asked, as a trusted proxy tells it, else the other end of the socket.
    pub(crate) fn client_address(&self) -> &str {
        match &self.client.forwarded {
            Forwarded::Trusted(told) => told.remote_addr.as_deref(),
            Forwarded::Cleared | Forwarded::Untouched => None,
        }
        .unwrap_or(&self.client.peer.host)
    }

    /// How long it waited for a thread, where one took it.
    pub(crate) fn queued_for(&self) -> Option<Duration> {
        Some(self.taken_at?.saturating_duration_since(self.queued_at?))
    }

    /// How long the application took until its response was complete.
    pub(crate) fn answered_in(&self) -> Option<Duration> {
        Some(self.answered_at?.saturating_duration_since(self.taken_at?))
    }

    /// How it ended, in a word for logs.
    pub(crate) fn result_name(&self) -> &'static str {
        match self.result {
            Some(Result::Complete) => "complete",
            Some(Result::Cut) | None => "cut",
            Some(Result::Abandoned(stage)) => match stage {
                LeftWhile::Reading => "client left while it was read",
                LeftWhile::Queued => "client left while it waited",
                LeftWhile::Served => "client left while it was served",
                LeftWhile::Writing => "client left while it was answered",
            },
        }
    }

    /// How far it is, to say when its client left.
    pub(crate) fn stage(&self) -> LeftWhile {
        match (self.queued_at, self.taken_at, self.result) {
            (_, _, Some(_)) => LeftWhile::Writing,
            (_, Some(_), None) => LeftWhile::Served,
            (Some(_), None, None) => LeftWhile::Queued,
            (None, None, None) => LeftWhile::Reading,
        }
    }
}
