//! Receives bytes directly into their final memory.

use std::io;
use std::num::NonZeroUsize;
use std::task::{Context, Poll};

use super::stream::Stream;

/// Appends at most `most` bytes from `stream` to `buffer`, and returns their number. `Ok(0)` is the
/// end of the stream, because `most` is not zero.
///
/// # Errors
/// The errors of the socket.
pub(crate) fn poll_append(
    stream: &Stream,
    cx: &mut Context<'_>,
    buffer: &mut Vec<u8>,
    most: NonZeroUsize,
) -> Poll<io::Result<usize>> {
    if buffer.spare_capacity_mut().is_empty() {
        buffer.reserve(most.get().min(GROWTH_BYTES));
    }
    let spare = buffer.spare_capacity_mut();
    let room = spare.len().min(most.get());
    let received = stream.poll_receive(cx, &mut spare[..room]);
    if let Poll::Ready(Ok(count)) = received {
        let length = buffer.len() + count;
        // SAFETY: `poll_receive` has initialised the first `count` bytes of the spare capacity,
        // and `count` is at most its length, so that `length` is within the capacity.
        unsafe { buffer.set_len(length) };
    }
    received
}

/// The bytes by which a full body buffer grows: the size of a typical socket buffer.
const GROWTH_BYTES: usize = 256 * 1024;
