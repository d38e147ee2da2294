//! The exit statuses of the command line.

/// How the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// What was asked for was done; a server was stopped by whoever may.
    Done,
    /// It could not be served: an address is in use, the application failed to import.
    Failed,
    /// The settings or the arguments are wrong; nothing was started.
    Usage,
}

impl Exit {
    /// The number that the shell sees.
    pub(crate) const fn status(self) -> i32 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
        }
    }
}
