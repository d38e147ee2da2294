//! Receives bytes directly into their final memory.

use std::io;
use std::task::{Context, Poll};

use super::stream::Stream;

/// Appends at most `most` bytes of what `stream` has to `buffer`, and tells how many. `Ok(0)` is
/// the end of the stream. `most` must not be zero.
///
/// # Errors
/// As the socket has it.
#[expect(unsafe_code, reason = "std has no stable way to read into a Vec's spare capacity")]
pub(crate) fn poll_append(
    stream: &Stream,
    cx: &mut Context<'_>,
    buffer: &mut Vec<u8>,
    most: usize,
) -> Poll<io::Result<usize>> {
    if buffer.spare_capacity_mut().is_empty() {
        buffer.reserve(most.min(GROWTH_BYTES));
    }
    let spare = buffer.spare_capacity_mut();
    let room = spare.len().min(most);
    let received = stream.poll_receive(cx, &mut spare[..room]);
    if let Poll::Ready(Ok(count)) = received {
        let length = buffer.len() + count;
        // SAFETY: `poll_receive` has initialised the first `count` bytes of the spare capacity,
        // and `count` is at most its length, so that `length` is within the capacity.
        unsafe { buffer.set_len(length) };
    }
    received
}

/// By how much a body buffer grows when it is full: as much as a socket buffer may hold.
const GROWTH_BYTES: usize = 256 * 1024;
