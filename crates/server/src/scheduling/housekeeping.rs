//! Wakes sleeping workers for work that needs a thread that is attached to the interpreter.

use maitred_http_parser::exchange::Wake;

use super::queue::Queue;

impl Queue {
    /// Wakes one sleeping worker for work that needs an attached thread. If none sleeps, the next one
    /// that would do so does this first; while requests wait, workers do it in between.
    pub(crate) fn housekeep(&self) {
        let sleeper = {
            let mut state = self.state();
            let sleeper = if state.waiting.is_empty() { state.parked.pop() } else { None };
            state.housekeeping_due = sleeper.is_none();
            sleeper
        };
        if let Some(sleeper) = sleeper {
            sleeper.parker.unpark(Wake::Housekeeping);
        }
    }
}
