//! What a fleet is told, and what it asks for in return.

use std::time::Duration;

/// A process, by how many were started before it.
pub type Serial = u64;

/// A process that workers are forked from, by how many were started before it.
pub type MoldId = u64;

/// Where the process of a worker comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A new interpreter, which imports the application.
    Interpreter,
    /// It is forked from a process that has imported the application.
    Mold(MoldId),
}

/// Why a process was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StartReason {
    /// The server starts.
    Start,
    /// New code and settings.
    Reload,
    /// Its predecessor died.
    Crash,
    /// Its predecessor did not react and was killed.
    Hung,
    /// Its predecessor had served `max-requests`.
    MaxRequests,
    /// Its predecessor had grown to `max-rss`.
    MaxRss,
    /// `workers` was raised.
    Scale,
    /// Its predecessor was asked to end, by a signal from outside.
    Asked,
}

impl StartReason {
    /// Every reason, in the order of metrics.
    pub const ALL: [Self; 8] = [
        Self::Start,
        Self::Reload,
        Self::Crash,
        Self::Hung,
        Self::MaxRequests,
        Self::MaxRss,
        Self::Scale,
        Self::Asked,
    ];

    /// How it is written in metrics and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Reload => "reload",
            Self::Crash => "crash",
            Self::Hung => "hung",
            Self::MaxRequests => "max_requests",
            Self::MaxRss => "max_rss",
            Self::Scale => "scale",
            Self::Asked => "asked",
        }
    }
}

/// Whether memory has room for one more process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Headroom {
    /// It has, or nobody limits it.
    Enough,
    /// It has not.
    Short,
}

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A process has imported the application.
    Imported(Serial),
    /// A process serves.
    Ready(Serial),
    /// A process has ended.
    Exited(Serial),
    /// A process has to be killed because it does not react; its successor is started at once.
    Hung(Serial),
    /// A process is to be replaced.
    Replace(Serial, StartReason),
    /// Every process is to be replaced, and what is wanted may have changed.
    Reload(Wanted),
    /// The server is to stop.
    Drain,
    /// A mold has imported the application.
    MoldReady(MoldId),
    /// A mold has ended.
    MoldExited(MoldId),
    /// Time has passed.
    Tick,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// A reload begins: what is started from now on has its settings.
    BeginReload,
    /// Start a process.
    Start {
        /// What to call it.
        serial: Serial,
        /// Its number.
        number: usize,
        /// Why.
        reason: StartReason,
        /// Where it comes from.
        source: Source,
    },
    /// Start a mold.
    StartMold(MoldId),
    /// Kill a mold.
    KillMold(MoldId, KillReason),
    /// Hand the listeners to a process that has imported the application.
    Admit(Serial),
    /// Let a process finish what it has and end.
    Retire(Serial),
    /// Kill a process.
    Kill(Serial, KillReason),
    /// Drain all processes.
    Drain,
    /// Recycling would need memory that is not there.
    WarnNoRoom(Serial),
    /// The reload has ended.
    ReloadEnded(ReloadResult),
    /// The first worker could not become ready, and starts again at the next reload.
    AwaitReload,
    /// The server has ended.
    End(End),
}

/// Why a process is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KillReason {
    /// It did not become ready within its `start-timeout`.
    StartTimeout(Duration),
    /// The reload that started it has stopped, or the server is stopping.
    NotWanted,
    /// It has not ended in time.
    Overdue,
}

/// How a reload has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReloadResult {
    /// Every process has been replaced.
    Complete {
        /// How many.
        replaced: usize,
    },
    /// The first worker could not become ready again: nothing is served.
    CannotStart,
    /// A new process failed; the others go on.
    Stopped {
        /// How many had been replaced before.
        replaced: usize,
        /// Of how many.
        of: usize,
    },
    /// A reload is already running.
    Busy,
    /// The server is stopping.
    Stopping,
    /// The settings are invalid.
    InvalidSettings,
    /// Memory has no room for a second process.
    NoRoom,
    /// There are not so many numbers on the board.
    TooMany,
}

impl std::fmt::Display for ReloadResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Complete { replaced } => write!(f, "complete: {replaced} replaced"),
            Self::CannotStart => write!(f, "failed: the first worker cannot start"),
            Self::Stopped { replaced, of } => write!(f, "stopped: {replaced} of {of} replaced"),
            Self::Busy => write!(f, "refused: the server is starting, or another reload runs"),
            Self::Stopping => write!(f, "refused: the server is stopping"),
            Self::InvalidSettings => write!(f, "refused: the settings are invalid"),
            Self::NoRoom => write!(f, "refused: memory has no room for a second process"),
            Self::TooMany => {
                write!(f, "refused: restart the server to have so many more workers")
            }
        }
    }
}

/// What becomes of the settings that a reload has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewSettings {
    /// They are those of the server from now on.
    Stay,
    /// What is started from now on has the settings of before again.
    GoBack,
    /// The reload was refused before anything had them.
    NeverCame,
}

impl ReloadResult {
    /// What becomes of the settings that the reload has read.
    pub fn new_settings(self) -> NewSettings {
        match self {
            // The next reload repairs what cannot start: there is nothing to go back to.
            Self::Complete { .. } | Self::CannotStart => NewSettings::Stay,
            Self::Stopped { .. } | Self::NoRoom => NewSettings::GoBack,
            Self::Busy | Self::Stopping | Self::InvalidSettings | Self::TooMany => {
                NewSettings::NeverCame
            }
        }
    }
}

/// Why the server has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was asked to.
    Drained,
    /// The first worker could not become ready.
    CannotStart,
    /// So many starts in a row have failed, and nobody is ready.
    CrashLoop(u32),
}

/// What follows when the first worker cannot become ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartFailure {
    /// The server ends, as one without a supervisor would.
    Ends,
    /// It waits for a reload: in development, where the code is about to be repaired.
    AwaitsReload,
}

/// How long a process may take. Each has the periods of the settings that it was started with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Periods {
    /// From its start until it must be ready.
    pub start_timeout: Duration,
    /// From readiness failing until the listeners close, when the server stops.
    pub drain_delay: Duration,
    /// From then on, or from the request to retire, until what runs is cut off.
    pub graceful_timeout: Duration,
}

impl Periods {
    /// From the request to stop, or to retire, until it must have ended.
    pub fn end_within(self) -> Duration {
        self.drain_delay.saturating_add(self.graceful_timeout)
    }

    /// Periods in which also a process with those of `other` is not cut off.
    #[must_use]
    pub fn longest(self, other: Self) -> Self {
        Self {
            start_timeout: self.start_timeout.max(other.start_timeout),
            drain_delay: self.drain_delay.max(other.drain_delay),
            graceful_timeout: self.graceful_timeout.max(other.graceful_timeout),
        }
    }
}

/// What a reload may change of a fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// How many workers there are to be.
    pub workers: usize,
    /// How long those may take that are started from now on.
    pub periods: Periods,
}

/// The limits of a fleet.
#[derive(Clone, Copy, Debug)]
pub struct FleetLimits {
    /// How many workers there are to be.
    pub workers: usize,
    /// How long processes may take that are started now.
    pub periods: Periods,
    /// How many may import at once when the server starts.
    pub imports_at_once: usize,
    /// Whether workers are forked from a process that has imported the application.
    pub preload: bool,
    /// What follows when the first worker cannot become ready.
    pub start_failure: StartFailure,
    /// How many numbers and seats there are.
    pub numbers: usize,
    /// Seats, one for each process.
    pub seats: usize,
    /// How long a new process has to stay ready before the old one retires.
    pub settle: Duration,
}

#[cfg(test)]
impl FleetLimits {
    /// Those of the tests.
    pub(super) const TWO_WORKERS: Self = Self {
        workers: 2,
        imports_at_once: 8,
        preload: false,
        start_failure: StartFailure::Ends,
        numbers: 64,
        seats: 80,
        periods: Periods {
            start_timeout: Duration::from_secs(120),
            drain_delay: Duration::ZERO,
            graceful_timeout: Duration::from_secs(30),
        },
        settle: Duration::from_secs(1),
    };
}
