//! The data about one finished request, for the access log and the metrics.
//!
//! It is made exactly once, when the last byte of the response has been sent or the connection has
//! ended; until then, the connection has the data (`connection::request_progress`).

use std::sync::Arc;
use std::time::{Duration, Instant};

use maitred_http_parser::exchange::Client;
use maitred_http_parser::{RequestHead, ResponseHead};

use super::labels::{DisconnectStage, Label as _};

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
    /// What the pattern of the access log shows besides.
    pub(crate) logged: Option<Box<LoggedValues>>,
    /// How it ended.
    pub(crate) outcome: RequestOutcome,
}

/// What only some patterns of the access log show, in the order of their names there; `None` for what
/// is not set. Empty where the application has not answered.
#[derive(Debug, Default)]
pub(crate) struct LoggedValues {
    pub(crate) response_fields: Vec<Option<Vec<u8>>>,
    pub(crate) environ_variables: Vec<Option<Vec<u8>>>,
}

impl LoggedValues {
    /// Keeps the fields of these names.
    pub(crate) fn take_fields(&mut self, head: &ResponseHead, names: &[String]) {
        let field = |name: &String| head.field(name.as_bytes()).map(<[u8]>::to_vec);
        self.response_fields = names.iter().map(field).collect();
    }

    /// Bytes of memory.
    pub(crate) fn held_bytes(&self) -> usize {
        let values = self.response_fields.iter().chain(&self.environ_variables);
        let bytes = |value: &Option<Vec<u8>>| value.as_ref().map_or(0, Vec::len);
        size_of::<Self>() + values.map(|value| size_of_val(value) + bytes(value)).sum::<usize>()
    }
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
    /// The status in metrics and logs: the one that was sent, or one for the outcome.
    pub(crate) fn code(&self) -> u16 {
        match (self.status, self.outcome) {
            (Some(status), _) => status,
            (None, RequestOutcome::Abandoned(_)) => CLIENT_LEFT,
            (None, RequestOutcome::Complete | RequestOutcome::Cut) => 500,
        }
    }

    /// The value of a field of the request.
    pub(crate) fn request_field(&self, name: &str) -> Option<&[u8]> {
        self.head.as_ref()?.field(name)
    }

    /// How long it waited for a thread, if one took it.
    pub(crate) fn queued_for(&self) -> Option<Duration> {
        Some(self.taken_at?.saturating_duration_since(self.queued_at?))
    }

    /// How long the application took until its response was complete.
    pub(crate) fn answered_in(&self) -> Option<Duration> {
        Some(self.answered_at?.saturating_duration_since(self.taken_at?))
    }

    /// How it ended, as one word for logs; if the client left, the stage as in metrics.
    pub(crate) fn result_name(&self) -> &'static str {
        match self.outcome {
            RequestOutcome::Complete => "complete",
            RequestOutcome::Cut => "cut",
            RequestOutcome::Abandoned(stage) => stage.name(),
        }
    }
}
