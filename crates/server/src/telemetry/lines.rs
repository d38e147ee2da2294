//! Log lines about single connections and requests. Clients control how many occur, so each kind is
//! rate-limited; `left_out` reports the suppressed ones.

use std::borrow::Cow;
use std::fmt::Display;
use std::io;
use std::time::Duration;

use maitred_config::ConnectionLimitAction;
use maitred_http_parser::exchange::Peer;
use maitred_http_parser::{Rejection, RequestHead};

use super::ration::Ration;
use super::{Telemetry, Turned};
use crate::system_error::in_words;
use crate::telemetry::record::Record;

/// The rations: enough of each kind to see what it is about.
#[derive(Debug)]
pub(super) struct Lines {
    refused: Ration,
    limit: Ration,
    descriptors: Ration,
    broken: Ration,
    untrusted: Ration,
    storage: Ration,
    unreadable: Ration,
    short: Ration,
    long: Ration,
}

impl Default for Lines {
    fn default() -> Self {
        let twenty = || Ration::new(20, Duration::from_secs(10));
        Self {
            refused: twenty(),
            limit: Ration::new(1, Duration::from_secs(60)),
            descriptors: Ration::new(1, Duration::from_secs(60)),
            broken: twenty(),
            untrusted: twenty(),
            storage: twenty(),
            unreadable: twenty(),
            short: twenty(),
            long: twenty(),
        }
    }
}

impl Telemetry {
    /// Whether a line may be written now, and how many have been left out before it, if any.
    fn may_say(&self, of: impl Fn(&Lines) -> &Ration) -> Option<Option<u64>> {
        let left_out = of(&self.lines).take(self.clock().instant())?;
        Some((left_out > 0).then_some(left_out))
    }

    /// Somebody came while there were as many connections as may be.
    pub(crate) fn limit_reached(&self) {
        self.metrics.limit_reached.increment(1);
        if self.may_say(|lines| &lines.limit).is_some() {
            let limit = self.limits.connections;
            let what_happens = match self.limits.action {
                ConnectionLimitAction::Reject => {
                    "idle connections are closed for newcomers, and where none is idle, newcomers \
                     are turned away"
                }
                ConnectionLimitAction::Wait => "newcomers wait until somebody leaves",
            };
            tracing::warn!(
                target: "maitred",
                "connection-limit ({limit}) is reached: {what_happens}; raise connection-limit, or \
                 lower keep-alive-timeout"
            );
        }
    }

    /// Somebody could not be accepted, because the process may open no more files.
    pub(crate) fn out_of_descriptors(&self, error: &io::Error) {
        self.turned_away(Turned::FileDescriptors);
        if self.may_say(|lines| &lines.descriptors).is_some() {
            let limit = self.limits.connections;
            tracing::warn!(
                target: "maitred",
                "no more files may be opened ({}), though connection-limit ({limit}) is not \
                 reached: newcomers wait until somebody leaves; raise `ulimit -n` (LimitNOFILE= in \
                 systemd), or lower connection-limit",
                in_words(error)
            );
        }
    }

    /// A client sent what is refused, or did not send in time.
    pub(crate) fn rejected(
        &self,
        peer: &Peer,
        head: Option<&RequestHead>,
        rejection: Rejection,
        detail: &dyn Display,
    ) {
        self.metrics.protocol_errors.of(rejection).increment(1);
        if let Some(left_out) = self.may_say(|lines| &lines.refused) {
            tracing::info!(
                target: "maitred",
                reason = rejection.name(),
                client = &*peer.host,
                status = rejection.status(),
                method = head.map(RequestHead::method),
                path = head.map(path_of).as_deref(),
                left_out,
                "refused a request: {detail}"
            );
        }
    }

    /// A request has forwarding fields that are not believed.
    pub(crate) fn has_untrusted_fields(&self, peer: &Peer, names: &[&str]) {
        if let Some(left_out) = self.may_say(|lines| &lines.untrusted) {
            tracing::warn!(
                target: "maitred",
                client = &*peer.host,
                left_out,
                "untrusted headers: {}; the proxy in front should remove them",
                names.join(", ")
            );
        }
    }

    /// `temp-dir` did not take a body.
    pub(crate) fn storage_failed(&self, what: &str, error: &io::Error) {
        if let Some(left_out) = self.may_say(|lines| &lines.storage) {
            tracing::error!(target: "maitred", left_out, "cannot keep {what} in temp-dir: {error}");
        }
    }

    /// The application ended a response before its time.
    pub(crate) fn response_is_short(&self, missing: u64, record: Option<&Record>) {
        if let Some(left_out) = self.may_say(|lines| &lines.short) {
            tracing::warn!(
                target: "maitred",
                method = method(record),
                path = &*path(record),
                left_out,
                "the application wrote {missing} bytes fewer than the Content-Length it declared"
            );
        }
    }

    /// The application wrote more than it had declared.
    pub(crate) fn response_is_long(&self, excess: u64, record: Option<&Record>) {
        if let Some(left_out) = self.may_say(|lines| &lines.long) {
            tracing::warn!(
                target: "maitred",
                method = method(record),
                path = &*path(record),
                left_out,
                "the application wrote {excess} bytes more than the Content-Length it declared: \
                 they were not sent"
            );
        }
    }

    /// A file became shorter while it was sent.
    pub(crate) fn file_is_short(&self, missing: u64, record: Option<&Record>) {
        if let Some(left_out) = self.may_say(|lines| &lines.short) {
            tracing::error!(
                target: "maitred",
                method = method(record),
                path = &*path(record),
                left_out,
                "a file became shorter while it was sent: {missing} bytes of the response are \
                 missing, and its connection is reset"
            );
        }
    }

    /// A file could not be read while it was sent.
    pub(crate) fn file_failed(
        &self,
        error: &io::Error,
        file: Option<&str>,
        record: Option<&Record>,
    ) {
        if let Some(left_out) = self.may_say(|lines| &lines.unreadable) {
            tracing::error!(
                target: "maitred",
                method = method(record),
                path = &*path(record),
                file,
                left_out,
                "a file could not be read while it was sent ({}): the response is incomplete, and \
                 its connection is reset",
                in_words(error)
            );
        }
    }

    /// A connection broke.
    pub(crate) fn socket_error(&self, peer: &Peer, error: &io::Error) {
        if !self.log_socket_errors {
            return;
        }
        if let Some(left_out) = self.may_say(|lines| &lines.broken) {
            tracing::debug!(
                target: "maitred",
                client = &*peer.host,
                left_out,
                "a connection broke: {error}"
            );
        }
    }
}

/// The method of a request, as lines name it.
fn method(record: Option<&Record>) -> &str {
    record.and_then(|record| record.head.as_deref()).map_or("-", |head| head.method())
}

/// Its path.
fn path(record: Option<&Record>) -> Cow<'_, str> {
    record.and_then(|record| record.head.as_deref()).map_or("-".into(), path_of)
}

/// The path of a request; a query may hold secrets.
fn path_of(head: &RequestHead) -> Cow<'_, str> {
    String::from_utf8_lossy(head.path())
}
