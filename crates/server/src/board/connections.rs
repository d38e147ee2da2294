//! How many connections are open in all processes together.
//!
//! Connections move while they are added up. One that moves is shown at both ends for a moment, and the
//! words are read in an order in which it cannot be missed: how many have arrived anywhere, then how many
//! are open, and at last how many were sent. So the sum may be too high, never too low.

use super::seat::Seat;

/// Open connections of the processes on these seats, those on their way from one to another included.
pub(crate) fn open<'a>(seats: impl Iterator<Item = Seat<'a>>) -> u64 {
    let arrived: Vec<_> = seats.map(|seat| (seat, seat.adopted(), seat.open())).collect();
    let sum = |(seat, adopted, open): &(Seat<'_>, u64, u64)| {
        open.saturating_add(seat.sent().saturating_sub(*adopted))
    };
    arrived.iter().map(sum).fold(0, u64::saturating_add)
}
