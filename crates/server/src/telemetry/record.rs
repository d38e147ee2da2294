//! The data about one finished request, for the access log and the metrics.
//!
//! A record begins with the request head, or with what is known of it if a request is rejected
//! before it has one. It ends exactly once, with the last byte of the response or with the connection.

use std::sync::Arc;
use std::time::{Duration, Instant};

use maitred_http_parser::RequestHead;
use maitred_http_parser::exchange::Client;
use maitred_http_parser::forwarded::Forwarded;

use super::labels::DisconnectStage;

/// The status in metrics and logs of a request whose client disconnected before there was one, as in
/// nginx.
const CLIENT_LEFT: u16 = 499;

/// A request, from its first byte to the last byte of its response.
#[derive(Debug)]
pub(crate) struct Record {
    /// Only the request line where the request was refused, or its client left, before the head
    /// was complete; `None` where that was not complete either, or was itself what was refused.
    pub(crate) head: Option<Arc<RequestHead>>,
    pub(crate) client: Client,
    pub(crate) request_id: Option<Arc<str>>,
    /// When its first byte arrived.
    pub(crate) received_at: Instant,
    /// When it was complete and was queued.
    pub(crate) queued_at: Option<Instant>,
    /// When a thread took it.
    pub(crate) taken_at: Option<Instant>,
    /// When the application's response was complete.
    pub(crate) answered_at: Option<Instant>,
    /// The number of the worker thread that answered.
    pub(crate) thread: Option<usize>,
    pub(crate) request_body_bytes: u64,
    pub(crate) response_body_bytes: u64,
    /// The status of the head that was sent.
    pub(crate) status: Option<u16>,
    /// How it ended; `None` until then.
    pub(crate) result: Option<RequestOutcome>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestOutcome {
    /// With a complete response.
    Complete,
    /// With an incomplete response: the application failed in the middle of it or wrote less than it
    /// declared, its file shrank or could not be read, or the server stopped.
    Cut,
    /// The client disconnected before the end.
    Abandoned(DisconnectStage),
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

    /// The status in metrics and logs: the one that was sent, or one for the outcome.
    pub(crate) fn code(&self) -> u16 {
        match (self.status, self.result) {
            (Some(status), _) => status,
            (None, Some(RequestOutcome::Abandoned(_)) | None) => CLIENT_LEFT,
            (None, Some(RequestOutcome::Complete | RequestOutcome::Cut)) => 500,
        }
    }

    /// The value of a field of the request.
    pub(crate) fn request_field(&self, name: &str) -> Option<&[u8]> {
        self.head.as_ref()?.field(name)
    }

    /// The client as reported by a trusted proxy, or else the peer.
    pub(crate) fn client_address(&self) -> &str {
        match &self.client.forwarded {
            Forwarded::Trusted(values) => values.remote_addr.as_deref(),
            Forwarded::Cleared | Forwarded::Untouched => None,
        }
        .unwrap_or(&self.client.peer.host)
    }

    /// How long it waited for a thread, if one took it.
    pub(crate) fn queued_for(&self) -> Option<Duration> {
        Some(self.taken_at?.saturating_duration_since(self.queued_at?))
    }

    /// How long the application took until its response was complete.
    pub(crate) fn answered_in(&self) -> Option<Duration> {
        Some(self.answered_at?.saturating_duration_since(self.taken_at?))
    }

    /// How it ended, as one word for logs.
    pub(crate) fn result_name(&self) -> &'static str {
        match self.result {
            Some(RequestOutcome::Complete) => "complete",
            Some(RequestOutcome::Cut) | None => "cut",
            Some(RequestOutcome::Abandoned(stage)) => match stage {
                DisconnectStage::Reading => "client left while it was read",
                DisconnectStage::Queued => "client left while it waited",
                DisconnectStage::Served => "client left while it was served",
                DisconnectStage::Writing => "client left while it was answered",
            },
        }
    }

    /// Its stage, for the case that its client disconnects.
    pub(crate) fn stage(&self) -> DisconnectStage {
        match (self.queued_at, self.taken_at, self.result) {
            (_, _, Some(_)) => DisconnectStage::Writing,
            (_, Some(_), None) => DisconnectStage::Served,
            (Some(_), None, None) => DisconnectStage::Queued,
            (None, None, None) => DisconnectStage::Reading,
        }
    }
}
