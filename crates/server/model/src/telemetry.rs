//! The counters that the old and the new process of a number share.

#[path = "../../src/telemetry/cell_block.rs"]
mod cell_block;

use crate::system::atomics::AtomicU64;

/// Counts events in a cell.
pub fn add(cells: &[AtomicU64], cell: usize, count: u64) {
    cell_block::Block(cells).add(cell, count);
}

/// What has been counted, as a number and as a duration in nanoseconds.
pub fn get(cells: &[AtomicU64], cell: usize) -> u64 {
    let block = cell_block::Block(cells);
    block.get(cell).max(block.duration(cell).as_nanos() as u64)
}
