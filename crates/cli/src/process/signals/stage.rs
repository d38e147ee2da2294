//! The effect of a signal in the current stage of the program.

use std::sync::Arc;
use std::time::Instant;

use super::repeated::{StopRequest, StopRequests};
use super::{Scope, SignalTarget};

/// The stage of the program, and the requests to stop so far.
pub(super) struct SignalState {
    stage: ProgramStage,
    requests: StopRequests,
}

/// The stage of the program.
enum ProgramStage {
    /// The server has not started: a signal ends the program with an exception, which unwinds a
    /// running import.
    Starting,
    /// A signal drains.
    Serving(Arc<dyn SignalTarget>),
    /// A second signal exits immediately.
    Draining(Arc<dyn SignalTarget>),
    /// The server has stopped and the interpreter is exiting: a second signal exits immediately.
    Ending,
}

/// The meaning of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Stop,
    ReopenLogs,
    /// Replace the workers.
    Reload,
    /// Somebody wants this worker to end.
    StopWorker,
    /// It is a signal of another server.
    Unsupported,
    /// It only wakes the main thread, or its default action must not happen.
    Nothing,
}

impl Meaning {
    /// The meaning of a signal where these handlers are installed.
    pub(super) fn of(signal: &str, scope: Scope) -> Self {
        match (scope, signal) {
            (_, "SIGCHLD") => Self::Nothing,
            (_, "SIGUSR1") => Self::ReopenLogs,
            (_, "SIGUSR2" | "SIGTTIN" | "SIGTTOU" | "SIGWINCH") => Self::Unsupported,
            (Scope::Supervisor, "SIGHUP") => Self::Reload,
            (Scope::Worker, "SIGTERM") => Self::StopWorker,
            // Ctrl-C and the end of a terminal reach the whole group: the supervisor decides.
            (Scope::Worker | Scope::Mold, _) => Self::Nothing,
            (Scope::Process | Scope::Supervisor | Scope::Embedded, _) => Self::Stop,
        }
    }
}

/// What a handler does.
pub(super) enum Action {
    Nothing,
    ReopenLogs(Arc<dyn SignalTarget>),
    Interrupt,
    Drain(Arc<dyn SignalTarget>),
    /// Log that the signal belongs to the one before it.
    LogRepeat,
    Kill(Arc<dyn SignalTarget>),
    Reload(Arc<dyn SignalTarget>),
    /// Ask for a successor.
    StopWorker(Arc<dyn SignalTarget>),
    /// Log what to do instead.
    Advise,
    End,
}

impl SignalState {
    pub(super) fn starting() -> Self {
        Self { stage: ProgramStage::Starting, requests: StopRequests::default() }
    }

    /// From now on, the first signal drains `server`.
    pub(super) fn serves(&mut self, server: Arc<dyn SignalTarget>) {
        *self = Self { stage: ProgramStage::Serving(server), requests: StopRequests::default() };
    }

    /// From now on, a second signal exits immediately.
    pub(super) fn ends(&mut self) {
        self.stage = ProgramStage::Ending;
    }

    /// The action for a signal that arrives at `now`.
    pub(super) fn next(&mut self, meaning: Meaning, now: Instant) -> Action {
        let server = match &self.stage {
            ProgramStage::Serving(server) | ProgramStage::Draining(server) => Some(server),
            ProgramStage::Starting | ProgramStage::Ending => None,
        };
        let server = server.map(Arc::clone);
        match meaning {
            Meaning::Nothing => return Action::Nothing,
            Meaning::Unsupported => return Action::Advise,
            Meaning::ReopenLogs => return server.map_or(Action::Nothing, Action::ReopenLogs),
            Meaning::Reload => return server.map_or(Action::Nothing, Action::Reload),
            Meaning::StopWorker => return server.map_or(Action::Nothing, Action::StopWorker),
            Meaning::Stop => {}
        }
        match self.requests.ask(now) {
            StopRequest::Repeat { is_first: true } => return Action::LogRepeat,
            StopRequest::Repeat { is_first: false } => return Action::Nothing,
            StopRequest::First | StopRequest::Second => {}
        }
        match &self.stage {
            ProgramStage::Starting => Action::Interrupt,
            ProgramStage::Serving(server) => {
                let server = Arc::clone(server);
                self.stage = ProgramStage::Draining(Arc::clone(&server));
                Action::Drain(server)
            }
            ProgramStage::Draining(server) => Action::Kill(Arc::clone(server)),
            ProgramStage::Ending => Action::End,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::signals::repeated::SAME_REQUEST;

    struct Nobody;

    impl SignalTarget for Nobody {
        fn drain(&self) {}
        fn kill(&self) {}
        fn interrupt_wait(&self) {}
        fn reopen_logs(&self) {}
    }

    impl Action {
        fn name(&self) -> &'static str {
            match self {
                Self::Nothing => "nothing",
                Self::ReopenLogs(_) => "reopen logs",
                Self::Interrupt => "interrupt",
                Self::Drain(_) => "drain",
                Self::LogRepeat => "log repeat",
                Self::Kill(_) => "kill",
                Self::Reload(_) => "reload",
                Self::StopWorker(_) => "stop worker",
                Self::Advise => "advise",
                Self::End => "end",
            }
        }
    }

    fn serving() -> SignalState {
        let mut state = SignalState::starting();
        state.serves(Arc::new(Nobody));
        state
    }

    /// What comes of signals at these times, in multiples of [`SAME_REQUEST`].
    fn stops(state: &mut SignalState, began: Instant, times: &[f64]) -> Vec<&'static str> {
        let stop = |time| state.next(Meaning::Stop, began + SAME_REQUEST.mul_f64(time)).name();
        times.iter().copied().map(stop).collect()
    }

    #[test]
    fn the_first_signal_drains_with_its_repeats_and_the_second_kills() {
        let actions = stops(&mut serving(), Instant::now(), &[0.0, 0.0, 0.9, 1.0, 1.1]);
        assert_eq!(actions, ["drain", "log repeat", "nothing", "kill", "kill"]);
    }

    #[test]
    fn a_repeat_after_the_server_has_stopped_does_not_interrupt_exit_handlers() {
        let (mut state, began) = (serving(), Instant::now());
        assert_eq!(stops(&mut state, began, &[0.0]), ["drain"]);
        state.ends();
        assert_eq!(stops(&mut state, began, &[0.1, 1.0]), ["log repeat", "end"]);
    }

    #[test]
    fn a_signal_before_the_start_interrupts_and_the_next_does_again() {
        let (mut state, began) = (SignalState::starting(), Instant::now());
        let actions = stops(&mut state, began, &[0.0, 0.1, 1.0]);
        assert_eq!(actions, ["interrupt", "log repeat", "interrupt"]);
        // An application that kept the exception to itself is drained like any other.
        state.serves(Arc::new(Nobody));
        assert_eq!(stops(&mut state, began, &[1.1, 1.2]), ["drain", "log repeat"]);
    }

    #[test]
    fn logs_are_reopened_while_the_server_runs_and_that_is_no_request_to_stop() {
        let (mut state, began) = (SignalState::starting(), Instant::now());
        let reopens = |state: &mut SignalState| state.next(Meaning::ReopenLogs, began).name();
        assert_eq!(reopens(&mut state), "nothing");
        state.serves(Arc::new(Nobody));
        assert_eq!(reopens(&mut state), "reopen logs");
        assert_eq!(stops(&mut state, began, &[0.0]), ["drain"]);
        assert_eq!(reopens(&mut state), "reopen logs");
        state.ends();
        assert_eq!(reopens(&mut state), "nothing");
    }

    #[test]
    fn a_worker_leaves_to_its_supervisor_what_reaches_the_whole_group() {
        for (scope, signal, meaning) in [
            (Scope::Worker, "SIGTERM", Meaning::StopWorker),
            (Scope::Worker, "SIGINT", Meaning::Nothing),
            (Scope::Worker, "SIGHUP", Meaning::Nothing),
            (Scope::Worker, "SIGUSR1", Meaning::ReopenLogs),
            (Scope::Supervisor, "SIGCHLD", Meaning::Nothing),
            (Scope::Supervisor, "SIGTERM", Meaning::Stop),
            (Scope::Supervisor, "SIGHUP", Meaning::Reload),
            (Scope::Process, "SIGHUP", Meaning::Stop),
        ] {
            assert_eq!(Meaning::of(signal, scope), meaning, "{signal}");
        }
    }

    #[test]
    fn a_signal_of_another_server_changes_nothing_in_any_stage() {
        let (mut state, began) = (SignalState::starting(), Instant::now());
        let comes = |state: &mut SignalState| state.next(Meaning::Unsupported, began).name();
        assert_eq!(comes(&mut state), "advise");
        state.serves(Arc::new(Nobody));
        assert_eq!(comes(&mut state), "advise");
        assert_eq!(stops(&mut state, began, &[0.0]), ["drain"]);
        assert_eq!(comes(&mut state), "advise");
        for signal in super::super::foreign::SIGNALS {
            for scope in [Scope::Process, Scope::Supervisor, Scope::Worker] {
                let meaning = Meaning::of(signal, scope);
                assert!(
                    matches!(meaning, Meaning::Unsupported | Meaning::ReopenLogs),
                    "{signal} in {scope:?}"
                );
            }
        }
    }

    #[test]
    fn a_worker_asks_for_a_successor_each_time_and_while_it_starts_does_nothing() {
        let (mut state, began) = (SignalState::starting(), Instant::now());
        let asks = |state: &mut SignalState| state.next(Meaning::StopWorker, began).name();
        assert_eq!(asks(&mut state), "nothing");
        state.serves(Arc::new(Nobody));
        assert_eq!([asks(&mut state), asks(&mut state)], ["stop worker"; 2]);
    }
}
