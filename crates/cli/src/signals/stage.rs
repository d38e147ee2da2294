//! The effect of a signal in the current stage of the program.

use std::sync::Arc;
use std::time::Instant;

use super::Stoppable;
use super::second::{Request, Requests};

/// The stage of the program, and the requests to stop so far.
pub(super) struct State {
    stage: Stage,
    requests: Requests,
}

/// The stage of the program.
enum Stage {
    /// The server has not started: a signal ends the program with an exception, which unwinds a
    /// running import.
    Starting,
    /// A signal drains.
    Serving(Arc<dyn Stoppable>),
    /// A second signal exits immediately.
    Draining(Arc<dyn Stoppable>),
    /// The server has stopped and the interpreter is exiting: a second signal exits immediately.
    Ending,
}

/// The meaning of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Stop,
    ReopenLogs,
}

/// What a handler does.
pub(super) enum Action {
    Nothing,
    ReopenLogs(Arc<dyn Stoppable>),
    Interrupt,
    Drain(Arc<dyn Stoppable>),
    /// Log that the signal belongs to the one before it.
    SayItIsAnEcho,
    Kill(Arc<dyn Stoppable>),
    End,
}

impl State {
    pub(super) fn starting() -> Self {
        Self { stage: Stage::Starting, requests: Requests::default() }
    }

    /// From now on, the first signal drains `server`.
    pub(super) fn serves(&mut self, server: Arc<dyn Stoppable>) {
        *self = Self { stage: Stage::Serving(server), requests: Requests::default() };
    }

    /// From now on, a second signal exits immediately.
    pub(super) fn ends(&mut self) {
        self.stage = Stage::Ending;
    }

    /// The action for a signal that arrives at `now`.
    pub(super) fn next(&mut self, meaning: Meaning, now: Instant) -> Action {
        if meaning == Meaning::ReopenLogs {
            return match &self.stage {
                Stage::Serving(server) | Stage::Draining(server) => {
                    Action::ReopenLogs(Arc::clone(server))
                }
                Stage::Starting | Stage::Ending => Action::Nothing,
            };
        }
        match self.requests.ask(now) {
            Request::Echo { is_first: true } => return Action::SayItIsAnEcho,
            Request::Echo { is_first: false } => return Action::Nothing,
            Request::First | Request::Second => {}
        }
        match &self.stage {
            Stage::Starting => Action::Interrupt,
            Stage::Serving(server) => {
                let server = Arc::clone(server);
                self.stage = Stage::Draining(Arc::clone(&server));
                Action::Drain(server)
            }
            Stage::Draining(server) => Action::Kill(Arc::clone(server)),
            Stage::Ending => Action::End,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::second::SAME_REQUEST;

    struct Nobody;

    impl Stoppable for Nobody {
        fn drain(&self) {}
        fn kill(&self) {}
        fn nudge(&self) {}
        fn reopen_logs(&self) {}
    }

    impl Action {
        fn name(&self) -> &'static str {
            match self {
                Self::Nothing => "nothing",
                Self::ReopenLogs(_) => "reopen logs",
                Self::Interrupt => "interrupt",
                Self::Drain(_) => "drain",
                Self::SayItIsAnEcho => "say it is an echo",
                Self::Kill(_) => "kill",
                Self::End => "end",
            }
        }
    }

    fn serving() -> State {
        let mut state = State::starting();
        state.serves(Arc::new(Nobody));
        state
    }

    /// What comes of signals at these times, in multiples of [`SAME_REQUEST`].
    fn stops(state: &mut State, began: Instant, times: &[f64]) -> Vec<&'static str> {
        let stop = |time| state.next(Meaning::Stop, began + SAME_REQUEST.mul_f64(time)).name();
        times.iter().copied().map(stop).collect()
    }

    #[test]
    fn the_first_signal_drains_with_its_echoes_and_the_second_kills() {
        let told = stops(&mut serving(), Instant::now(), &[0.0, 0.0, 0.9, 1.0, 1.1]);
        assert_eq!(told, ["drain", "say it is an echo", "nothing", "kill", "kill"]);
    }

    #[test]
    fn an_echo_that_comes_after_the_server_has_stopped_does_not_cut_exit_handlers_off() {
        let (mut state, began) = (serving(), Instant::now());
        assert_eq!(stops(&mut state, began, &[0.0]), ["drain"]);
        state.ends();
        assert_eq!(stops(&mut state, began, &[0.1, 1.0]), ["say it is an echo", "end"]);
    }

    #[test]
    fn a_signal_before_the_start_interrupts_and_the_next_does_again() {
        let (mut state, began) = (State::starting(), Instant::now());
        let told = stops(&mut state, began, &[0.0, 0.1, 1.0]);
        assert_eq!(told, ["interrupt", "say it is an echo", "interrupt"]);
        // An application that kept the exception to itself is drained like any other.
        state.serves(Arc::new(Nobody));
        assert_eq!(stops(&mut state, began, &[1.1, 1.2]), ["drain", "say it is an echo"]);
    }

    #[test]
    fn logs_are_opened_anew_while_there_are_any_and_that_is_no_request_to_stop() {
        let (mut state, began) = (State::starting(), Instant::now());
        let reopens = |state: &mut State| state.next(Meaning::ReopenLogs, began).name();
        assert_eq!(reopens(&mut state), "nothing");
        state.serves(Arc::new(Nobody));
        assert_eq!(reopens(&mut state), "reopen logs");
        assert_eq!(stops(&mut state, began, &[0.0]), ["drain"]);
        assert_eq!(reopens(&mut state), "reopen logs");
        state.ends();
        assert_eq!(reopens(&mut state), "nothing");
    }
}
