//! Waits until one of several descriptors can be read (poll(2)).

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd};
use std::time::Duration;

/// Waits until a descriptor can be read or has come to its end, or for this long. Returns which can,
/// in the order of `descriptors`; all are false after the time, or if a signal has arrived.
///
/// # Errors
/// There are too many descriptors.
pub(crate) fn readable(descriptors: &[BorrowedFd<'_>], within: Duration) -> io::Result<Vec<bool>> {
    let mut all: Vec<libc::pollfd> = descriptors
        .iter()
        .map(|descriptor| libc::pollfd {
            fd: descriptor.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        })
        .collect();
    // Rounded up, so that a wait for less than a millisecond is no busy loop.
    let milliseconds = within.as_nanos().div_ceil(1_000_000);
    let milliseconds = i32::try_from(milliseconds).unwrap_or(i32::MAX);
    let count = libc::nfds_t::try_from(all.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    // SAFETY: it reads and writes as many entries as there are.
    let ready = unsafe { libc::poll(all.as_mut_ptr(), count, milliseconds) };
    if ready == -1 {
        let error = io::Error::last_os_error();
        return match error.kind() {
            io::ErrorKind::Interrupted => Ok(vec![false; descriptors.len()]),
            _ => Err(error),
        };
    }
    Ok(all.iter().map(|entry| entry.revents != 0).collect())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::fd::AsFd as _;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn who_can_be_read_or_has_ended_is_told() {
        let pairs: Vec<_> = (0..3).map(|_| UnixStream::pair().unwrap()).collect();
        let all: Vec<_> = pairs.iter().map(|(here, _)| here.as_fd()).collect();
        assert_eq!(readable(&all, Duration::ZERO).unwrap(), [false; 3]);
        (&pairs[1].1).write_all(b"x").unwrap();
        pairs[2].1.shutdown(std::net::Shutdown::Both).unwrap();
        let within = Duration::from_secs(600);
        assert_eq!(readable(&all, within).unwrap(), [false, true, true]);
    }
}
