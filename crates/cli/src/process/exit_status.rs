//! The exit statuses of the command line.

/// How the command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    /// Success: the command completed, or the server was stopped by a signal.
    Done,
    /// The server could not start: an address is in use, the application failed to import.
    Failed,
    /// The settings or the arguments are invalid; nothing was started.
    Usage,
}

impl ExitStatus {
    /// The exit status.
    pub(crate) const fn status(self) -> i32 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
        }
    }
}
