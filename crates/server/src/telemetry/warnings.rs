//! Log lines about single connections and requests. Clients control how many occur, so each kind is
//! rate-limited; `left_out` reports the suppressed ones.

use std::borrow::Cow;
use std::fmt::Display;
use std::io;
use std::time::Duration;

use maitred_config::ConnectionLimitAction;
use maitred_http_parser::exchange::Peer;
use maitred_http_parser::{Rejection, RequestHead};

use super::counters;
use super::rate_limit::RateLimit;
use super::record::Record;
use super::{RejectReason, Telemetry};
use crate::system::error_text::describe;

/// A ration for each kind of line.
#[derive(Debug)]
pub(super) struct Warnings {
    refused: RateLimit,
    limit: RateLimit,
    descriptors: RateLimit,
    broken: RateLimit,
    untrusted: RateLimit,
    storage: RateLimit,
    memory: RateLimit,
    given_up: RateLimit,
    unreadable: RateLimit,
    short: RateLimit,
    long: RateLimit,
    server_error: RateLimit,
}

impl Default for Warnings {
    fn default() -> Self {
        let few = || RateLimit::new(20, Duration::from_secs(10));
        let rare = || RateLimit::new(1, Duration::from_secs(60));
        Self { limit: rare(), descriptors: rare(), memory: rare(), ..Self::all(few) }
    }
}

impl Warnings {
    /// No lines at all.
    pub(super) fn none() -> Self {
        Self::all(|| RateLimit::new(0, Duration::MAX))
    }

    /// The same limit for every kind.
    fn all(limit: impl Fn() -> RateLimit) -> Self {
        Self {
            refused: limit(),
            limit: limit(),
            descriptors: limit(),
            broken: limit(),
            untrusted: limit(),
            storage: limit(),
            memory: limit(),
            given_up: limit(),
            unreadable: limit(),
            short: limit(),
            long: limit(),
            server_error: limit(),
        }
    }
}

impl Telemetry {
    /// Whether a line may be written now, and how many were suppressed before it, if any.
    fn may_say(&self, of: impl Fn(&Warnings) -> &RateLimit) -> Option<Option<u64>> {
        let left_out = of(&self.lines).take(self.clock.instant())?;
        Some((left_out > 0).then_some(left_out))
    }

    /// A client connected at `connection-limit`.
    pub(crate) fn limit_reached(&self) {
        self.cells.count(counters::LIMIT_REACHED);
        if self.may_say(|lines| &lines.limit).is_some() {
            let limit = self.limits().connections;
            let what_happens = match self.limits.action {
                ConnectionLimitAction::Reject => {
                    "idle connections are closed to make room, and if none is idle, new connections \
                     are answered 503"
                }
                ConnectionLimitAction::Wait => "new connections wait until another one is closed",
            };
            tracing::warn!(
                target: "maitred",
                "connection-limit ({limit}) is reached: {what_happens}; raise connection-limit, or \
                 lower keep-alive-timeout"
            );
        }
    }

    /// A client could not be accepted, because no file descriptors are left.
    pub(crate) fn out_of_descriptors(&self, error: &io::Error) {
        self.overload_rejected(RejectReason::FileDescriptors);
        self.descriptors_are_short(&describe(error));
    }

    /// Clients have taken all descriptors that they may have, or the application has.
    pub(crate) fn descriptors_are_short(&self, why: &str) {
        if self.may_say(|lines| &lines.descriptors).is_some() {
            let limit = self.limits().connections;
            tracing::warn!(
                target: "maitred",
                "no file descriptors are left ({why}), although connection-limit ({limit}) is not \
                 reached: idle connections are closed to make room, and if none is idle, new \
                 connections are answered 503 or wait; raise `ulimit -n` (LimitNOFILE= in systemd), \
                 or lower connection-limit"
            );
        }
    }

    /// A request was rejected: it is invalid, too large, or did not arrive in time.
    pub(crate) fn rejected(
        &self,
        peer: &Peer,
        head: Option<&RequestHead>,
        rejection: Rejection,
        detail: &dyn Display,
    ) {
        self.cells.count(counters::PROTOCOL_ERRORS.at(rejection));
        if let Some(left_out) = self.may_say(|lines| &lines.refused) {
            tracing::info!(
                target: "maitred",
                reason = rejection.name(),
                client = &*peer.host,
                status = rejection.status(),
                method = head.map(RequestHead::method),
                path = head.map(path_of).as_deref(),
                left_out,
                "rejected a request: {detail}"
            );
        }
    }

    /// A request has untrusted forwarding fields.
    pub(crate) fn has_untrusted_fields(&self, peer: &Peer, names: &[&str]) {
        if let Some(left_out) = self.may_say(|lines| &lines.untrusted) {
            tracing::warn!(
                target: "maitred",
                client = &*peer.host,
                left_out,
                "untrusted forwarding fields: {}; a proxy in front should remove them",
                names.join(", ")
            );
        }
    }

    /// A body could not be stored in `temp-dir`.
    pub(crate) fn storage_failed(&self, what: &str, error: &io::Error) {
        if let Some(left_out) = self.may_say(|lines| &lines.storage) {
            tracing::error!(target: "maitred", left_out, "cannot store {what} in temp-dir: {error}");
        }
    }

    /// A request was answered with a status of 500 or more, and there is no access log to say so.
    pub(super) fn server_error(&self, record: &Record, duration: Duration) {
        if let Some(left_out) = self.may_say(|lines| &lines.server_error) {
            let head = record.head.as_deref();
            tracing::warn!(
                target: "maitred",
                method = head.map(RequestHead::method),
                path = head.map(path_of).as_deref(),
                status = record.code(),
                seconds = duration.as_secs_f64(),
                request_id = record.request_id.as_deref(),
                left_out,
                "a request was answered with a server error"
            );
        }
    }

    /// A request was refused because clients hold too much memory.
    pub(crate) fn memory_is_short(&self) {
        if self.may_say(|lines| &lines.memory).is_some() {
            tracing::warn!(
                target: "maitred",
                "client-memory-limit is reached: requests with large heads are answered 503; see \
                 maitred_spool_bytes"
            );
        }
    }

    /// The client of a response was slow, and its thread could wait no longer.
    pub(crate) fn response_given_up(&self, head: Option<&RequestHead>) {
        if let Some(left_out) = self.may_say(|lines| &lines.given_up) {
            tracing::warn!(
                target: "maitred",
                method = method(head),
                path = &*path(head),
                left_out,
                "a response was broken off: its client reads slowly, temp-dir takes no more of it, and \
                 the thread has waited for write-timeout"
            );
        }
    }

    /// The application sent fewer bytes than it declared.
    pub(crate) fn response_is_short(&self, missing: u64, head: Option<&RequestHead>) {
        if let Some(left_out) = self.may_say(|lines| &lines.short) {
            tracing::warn!(
                target: "maitred",
                method = method(head),
                path = &*path(head),
                left_out,
                "the application wrote {missing} bytes fewer than the Content-Length it declared"
            );
        }
    }

    /// The application sent more bytes than it declared.
    pub(crate) fn response_is_long(&self, excess: u64, head: Option<&RequestHead>) {
        if let Some(left_out) = self.may_say(|lines| &lines.long) {
            tracing::warn!(
                target: "maitred",
                method = method(head),
                path = &*path(head),
                left_out,
                "the application wrote {excess} bytes more than the Content-Length it declared: \
                 they were not sent"
            );
        }
    }

    /// A file shrank while it was being sent.
    pub(crate) fn file_is_short(&self, missing: u64, head: Option<&RequestHead>) {
        if let Some(left_out) = self.may_say(|lines| &lines.short) {
            tracing::error!(
                target: "maitred",
                method = method(head),
                path = &*path(head),
                left_out,
                "a file shrank while it was being sent: {missing} bytes of the response are \
                 missing, and its connection ends"
            );
        }
    }

    /// A file could not be read while it was being sent.
    pub(crate) fn file_failed(
        &self,
        error: &io::Error,
        file: Option<&str>,
        head: Option<&RequestHead>,
    ) {
        if let Some(left_out) = self.may_say(|lines| &lines.unreadable) {
            tracing::error!(
                target: "maitred",
                method = method(head),
                path = &*path(head),
                file,
                left_out,
                "a file could not be read while it was being sent ({}): the response is \
                 incomplete, and its connection ends",
                describe(error)
            );
        }
    }

    /// A connection failed with a socket error.
    pub(crate) fn socket_error(&self, peer: &Peer, error: &io::Error) {
        if !self.log_socket_errors {
            return;
        }
        if let Some(left_out) = self.may_say(|lines| &lines.broken) {
            tracing::debug!(
                target: "maitred",
                client = &*peer.host,
                left_out,
                "a connection failed: {error}"
            );
        }
    }
}

/// The method of a request, for a log line.
fn method(head: Option<&RequestHead>) -> &str {
    head.map_or("-", RequestHead::method)
}

/// The path of a request, without the query, which may contain secrets.
fn path(head: Option<&RequestHead>) -> Cow<'_, str> {
    head.map_or("-".into(), path_of)
}

/// The path of a request; a query may hold secrets.
fn path_of(head: &RequestHead) -> Cow<'_, str> {
    String::from_utf8_lossy(head.path())
}
