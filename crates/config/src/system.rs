//! The system that settings are for, as far as settings depend on it.

/// A kind of operating system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// Linux, which has processes that take over orphans.
    Linux,
    /// macOS and its relatives.
    Unix,
    /// Windows, which has no Unix sockets that a server can be given a mode for.
    Windows,
}

impl System {
    /// The one that this was built for.
    pub const HERE: Self = if cfg!(windows) {
        Self::Windows
    } else if cfg!(target_os = "linux") {
        Self::Linux
    } else {
        Self::Unix
    };
}

impl Default for System {
    fn default() -> Self {
        Self::HERE
    }
}

/// What runs the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Packing {
    /// A Python interpreter, which can be executed again for a worker process.
    #[default]
    Interpreter,
    /// The program itself, which has been packed with all that it needs.
    Packed,
}

/// Whether the Python interpreter has a GIL, the lock that lets one thread run at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gil {
    /// It does: one process uses one CPU.
    #[default]
    Enabled,
    /// It does not: one process uses every CPU.
    Disabled,
}
