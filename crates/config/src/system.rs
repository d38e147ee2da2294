//! The operating system that settings are for, as far as settings depend on it.

/// A kind of operating system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// Linux, macOS and their relatives.
    Unix,
    /// Windows, which has no Unix sockets that a server can be given a mode for.
    Windows,
}

impl System {
    /// The one that this was built for.
    pub const HERE: Self = if cfg!(windows) { Self::Windows } else { Self::Unix };
}

impl Default for System {
    fn default() -> Self {
        Self::HERE
    }
}
