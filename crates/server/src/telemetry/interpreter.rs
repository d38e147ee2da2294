//! The interpreter that runs the application, and its GIL, which an import may enable. A supervisor, which
//! imports nothing, sees that on the board.

use std::sync::atomic::Ordering;

use super::Telemetry;

/// The interpreter that runs the application, for `maitred_build_info`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interpreter {
    /// For example `3.13.1`; empty if there is no interpreter.
    pub version: String,
    /// For example `CPython`.
    pub implementation: String,
    /// `enabled` or `disabled`.
    pub gil: String,
}

impl Telemetry {
    /// Sets the interpreter.
    #[must_use]
    pub fn with_interpreter(self, interpreter: Interpreter) -> Self {
        Self { interpreter, ..self }
    }

    /// The interpreter's GIL is enabled. Returns whether that is news.
    pub fn gil_enabled(&self) -> bool {
        #[cfg(unix)]
        if let Some(place) = &self.place {
            place.seat().set_gil_enabled(1);
        }
        let was_enabled = self.is_gil_enabled.swap(true, Ordering::Relaxed);
        !was_enabled && self.interpreter.gil == "disabled"
    }

    /// The interpreter, as it is now.
    pub(super) fn interpreter(&self) -> Interpreter {
        let mut interpreter = self.interpreter.clone();
        if self.is_gil_enabled.load(Ordering::Relaxed) {
            "enabled".clone_into(&mut interpreter.gil);
        }
        interpreter
    }
}
