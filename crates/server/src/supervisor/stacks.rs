//! The stacks of a worker that does not react: a signal makes its `faulthandler` write them.
//!
//! They are written to memory that the supervisor has mapped, so reading them waits for nobody.

use std::sync::atomic::Ordering;

use crate::system::shared_memory::SharedMemory;

/// The most text of stacks that is logged.
const TEXT_MAX: usize = 64 * 1024;

/// The signal that makes a worker write its stacks; `None` where there is none to spare.
pub fn dump_signal() -> Option<i32> {
    #[cfg(target_os = "linux")]
    return Some(libc::SIGRTMIN() + 6);
    #[cfg(not(target_os = "linux"))]
    None
}

/// What has been written so far.
pub(super) fn read(pad: &SharedMemory) -> String {
    let words = pad.words().iter().map(|word| word.load(Ordering::Relaxed));
    let bytes: Vec<u8> = words
        .take_while(|word| *word != 0)
        .take(TEXT_MAX / 8)
        .flat_map(u64::to_ne_bytes)
        .filter(|byte| *byte != 0)
        .collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn what_is_written_to_the_file_is_read_from_the_memory() {
        let pad = SharedMemory::create(100, &std::env::temp_dir()).unwrap();
        assert_eq!(read(&pad), "");
        let mut file = std::fs::File::from(pad.file().try_clone_to_owned().unwrap());
        file.write_all(b"Thread 0x1 (most recent call first):\n").unwrap();
        assert_eq!(read(&pad), "Thread 0x1 (most recent call first):\n");
    }
}
