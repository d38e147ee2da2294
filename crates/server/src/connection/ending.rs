//! How a connection ends: open, then perhaps a last response and lingering, then over. Or it moves to
//! another worker process: then it is over here, without any of what belongs to an end.
//!
//! The protocol knows when a connection ends, and whether unread input must be discarded first. This
//! is the server's part: why it ends, for the metrics, and whether its end must look like one.

use maitred_http_parser::connection::Ending as ProtocolEnding;

use crate::telemetry::CloseReason;

/// The maximum number of bytes to discard from a client before its connection is closed.
const LINGER_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Where a connection is on the way to its end.
#[derive(Debug)]
pub(crate) struct Ending {
    stage: EndingStage,
    /// The client has closed its side: it will send nothing more.
    input_has_ended: bool,
}

#[derive(Clone, Copy, Debug)]
enum EndingStage {
    /// Requests are served.
    Open,
    /// It ends when the output has been sent.
    LastResponse { why: CloseReason },
    /// The write side has been closed, and input is discarded.
    Lingering { why: CloseReason, discarded: u64 },
    /// Nothing more can be sent or received.
    Over { why: CloseReason, close: Close },
    /// Another process has it.
    Moved,
}

/// How the socket is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Close {
    /// Both directions are shut down.
    Shutdown,
    /// It is reset, so that an incomplete response does not look complete.
    Reset,
}

impl Close {
    /// How a connection is closed that the protocol would have ended so.
    pub(super) fn after(ending: Option<ProtocolEnding>) -> Self {
        match ending {
            Some(ProtocolEnding::Reset) => Self::Reset,
            Some(ProtocolEnding::Close | ProtocolEnding::Linger) | None => Self::Shutdown,
        }
    }
}

impl Default for Ending {
    fn default() -> Self {
        Self { stage: EndingStage::Open, input_has_ended: false }
    }
}

impl Ending {
    /// The connection will end for this reason, when its output has been sent.
    pub(super) fn expect(&mut self, why: CloseReason) {
        match &mut self.stage {
            EndingStage::Open => self.stage = EndingStage::LastResponse { why },
            EndingStage::LastResponse { why: known }
            | EndingStage::Lingering { why: known, .. } => {
                *known = why;
            }
            EndingStage::Over { .. } | EndingStage::Moved => {}
        }
    }

    /// Why the connection ends, if it ends according to the protocol.
    pub(super) fn reason(&self) -> CloseReason {
        match self.stage {
            EndingStage::Open | EndingStage::Moved => CloseReason::Finished,
            EndingStage::LastResponse { why }
            | EndingStage::Lingering { why, .. }
            | EndingStage::Over { why, .. } => why,
        }
    }

    /// The write side has been closed, and further input is discarded.
    pub(super) fn linger(&mut self) {
        let why = self.reason();
        if !self.is_over() {
            self.stage = EndingStage::Lingering { why, discarded: 0 };
        }
    }

    /// Counts discarded input; not all that a client sends is.
    pub(super) fn discard(&mut self, count: u64) -> Discard {
        match &mut self.stage {
            EndingStage::Lingering { discarded, .. } => {
                *discarded += count;
                if *discarded > LINGER_BYTES_MAX { Discard::TooMuch } else { Discard::More }
            }
            EndingStage::Open
            | EndingStage::LastResponse { .. }
            | EndingStage::Over { .. }
            | EndingStage::Moved => Discard::More,
        }
    }

    /// The connection is over. The first reason stands; one that was to be reset is reset.
    pub(super) fn end(&mut self, why: CloseReason, close: Close) {
        self.stage = match self.stage {
            EndingStage::Over { why, close: known } => {
                let close = if known == Close::Reset { known } else { close };
                EndingStage::Over { why, close }
            }
            EndingStage::Open
            | EndingStage::LastResponse { .. }
            | EndingStage::Lingering { .. } => EndingStage::Over { why, close },
            EndingStage::Moved => EndingStage::Moved,
        };
    }

    /// Another process has the connection now, which does not end.
    pub(super) fn moved(&mut self) {
        self.stage = EndingStage::Moved;
    }

    pub(super) fn is_moved(&self) -> bool {
        matches!(self.stage, EndingStage::Moved)
    }

    /// The client will send nothing more.
    pub(super) fn input_ended(&mut self) {
        self.input_has_ended = true;
    }

    pub(super) fn has_input_ended(&self) -> bool {
        self.input_has_ended
    }

    pub(super) fn is_lingering(&self) -> bool {
        matches!(self.stage, EndingStage::Lingering { .. })
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.stage, EndingStage::Over { .. } | EndingStage::Moved)
    }

    /// Why the connection is over.
    pub(super) fn over(&self) -> Option<CloseReason> {
        match self.stage {
            EndingStage::Over { why, .. } => Some(why),
            EndingStage::Open
            | EndingStage::LastResponse { .. }
            | EndingStage::Lingering { .. }
            | EndingStage::Moved => None,
        }
    }

    /// How the socket is to be closed.
    pub(super) fn close(&self) -> Close {
        match self.stage {
            EndingStage::Over { close, .. } => close,
            EndingStage::Open
            | EndingStage::LastResponse { .. }
            | EndingStage::Lingering { .. }
            | EndingStage::Moved => Close::Shutdown,
        }
    }
}

/// Whether more input may be discarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Discard {
    More,
    /// The client has sent more than a connection waits for.
    TooMuch,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_of_an_end_stands_and_a_reset_is_not_taken_back() {
        let mut ending = Ending::default();
        ending.end(CloseReason::Client, Close::Shutdown);
        ending.end(CloseReason::Drain, Close::Reset);
        ending.end(CloseReason::Error, Close::Shutdown);
        assert_eq!((ending.over(), ending.close()), (Some(CloseReason::Client), Close::Reset));
    }

    #[test]
    fn a_connection_without_a_special_reason_is_finished() {
        let mut ending = Ending::default();
        assert_eq!(ending.reason(), CloseReason::Finished);
        ending.expect(CloseReason::Protocol);
        ending.linger();
        assert!(ending.is_lingering() && ending.over().is_none());
        assert_eq!(ending.reason(), CloseReason::Protocol);
    }

    #[test]
    fn input_that_never_ends_is_not_discarded_for_ever() {
        let mut ending = Ending::default();
        assert_eq!(ending.discard(u64::MAX), Discard::More, "it is read, not discarded");
        ending.linger();
        assert_eq!(ending.discard(LINGER_BYTES_MAX), Discard::More);
        assert_eq!(ending.discard(1), Discard::TooMuch);
    }

    #[test]
    fn a_connection_that_has_moved_does_not_end() {
        let mut ending = Ending::default();
        ending.moved();
        ending.expect(CloseReason::Drain);
        ending.linger();
        ending.end(CloseReason::Error, Close::Reset);
        assert!(ending.is_moved() && ending.is_over() && !ending.is_lingering());
        assert_eq!((ending.over(), ending.close()), (None, Close::Shutdown));
    }
}
