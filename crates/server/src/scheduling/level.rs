//! Levels processes that are kept busy by short calls, where no single wait is worth moving a request:
//! all connections of a load of short requests may have been accepted by one process, whose core is
//! then the only one that works.
//!
//! A process that was busy for nearly all of a window, while another one was not, moves a part of its
//! connections there, each at its next request. Then it rests for one window, until the effect can
//! be seen. The distance between the two thresholds, the rest, and that a connection is moved at
//! most once between two responses keep connections from going back and forth.

use std::time::Duration;

use super::elsewhere::Seats;

/// How often the load is compared.
pub(crate) const WINDOW: Duration = Duration::from_millis(50);

/// A process that is busier than this, in thousandths, is overloaded.
const HOT: u32 = 900;

/// One that is less busy than this takes connections.
const COOL: u32 = 700;

/// Decides which connections move.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Level {
    /// The end of the rest.
    rests_until: Duration,
    /// Where to move connections, and how many.
    order: Option<(usize, usize)>,
}

impl Level {
    /// A window has ended, in which this process was busy for so many thousandths, with requests of
    /// so many connections. `random` is any number. `now` is the time since any fixed moment.
    pub(crate) fn window_ended(
        &mut self,
        busy: u32,
        connections: usize,
        random: u64,
        now: Duration,
        seats: &impl Seats,
    ) {
        self.order = None;
        if busy < HOT || now < self.rests_until {
            return;
        }
        let own = seats.own();
        let shown =
            || seats.all().filter(|&seat| seat != own).map(|seat| (seat, seats.shown(seat)));
        let is_cool =
            |shown: &super::elsewhere::Shown| shown.utilisation < COOL && shown.may_be_sent_to();
        let cool = || shown().filter(|(_, shown)| is_cool(shown));
        let count = cool().count() as u64;
        if count == 0 {
            return;
        }
        // A random one, because every overloaded process reads the same numbers.
        let chosen = usize::try_from(random % count).unwrap_or(0);
        let Some((target, its)) = cool().nth(chosen) else { return };
        let hot = 1 + shown().filter(|(_, shown)| shown.utilisation >= HOT).count();
        let half = (busy - its.utilisation) as usize / 2;
        let moves = connections * half / busy as usize / hot;
        self.order = Some((target, moves.max(1)));
        self.rests_until = now + 2 * WINDOW;
    }

    /// A request has arrived on a connection that has not been moved since its last response: where
    /// to move it.
    pub(crate) fn on_arrival(&mut self) -> Option<usize> {
        let (target, left) = self.order.as_mut()?;
        let target = *target;
        *left -= 1;
        if *left == 0 {
            self.order = None;
        }
        Some(target)
    }
}

#[cfg(test)]
#[path = "tests/level.rs"]
mod tests;
