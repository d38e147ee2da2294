//! What the queue knows of the other worker processes of the server: that it can show them its load,
//! and ask where a request should move. A server of one process has none.

use std::time::{Duration, Instant};

use super::elsewhere::Load;
use crate::telemetry::HandoffReason;

/// The other worker processes. Nothing here blocks.
pub(crate) trait Siblings: std::fmt::Debug + Send + Sync {
    /// The I/O thread runs.
    fn beat(&self);

    /// Shows them the load of this process, and since when the oldest request waits that can move.
    /// Called with the queue locked.
    fn show(&self, load: &Load, oldest: Option<Instant>, now: Instant);

    /// Where a request that has arrived should move. `load` is without it. Called with the queue
    /// locked.
    fn on_arrival(&self, load: &Load, hops: u8) -> Option<Destination>;

    /// Where a request that has waited this long should move. Called with the queue locked.
    fn on_tick(&self, load: &Load, waited: Duration) -> Option<Destination>;

    /// A thread has nothing to do: asks another process for a request.
    fn on_idle(&self, load: &dyn Fn() -> Load);

    /// A window of [`WINDOW`](super::level::WINDOW) has ended, in which short calls kept this process
    /// busy for so many thousandths.
    fn window_ended(&self, busy: u32);

    /// Whether another process has room.
    fn has_room(&self) -> bool;

    /// So many requests that cannot move have waited for too long while another process had room.
    fn unmovable_waited(&self, count: u64);

    /// A request was not moved: gives its place back.
    fn release(&self, destination: Destination);
}

/// Where a request moves, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Destination {
    /// The seat of the process.
    pub(crate) seat: usize,
    /// Whether a place was reserved there.
    pub(crate) reservation: Reservation,
    pub(crate) why: HandoffReason,
}

/// Whether a process expects a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reservation {
    Made,
    /// It is sent anyway: this process is stalled, ends, or has more than its share.
    None,
}
