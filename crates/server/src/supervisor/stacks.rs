//! The stacks of a worker: a signal makes its `faulthandler` write them, also while something holds
//! the interpreter.
//!
//! They are written to memory that the supervisor has mapped, so reading them waits for nobody.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::facts::Serial;
use super::process::Worker;
use super::run::Supervisor;
use super::view::{View, WorkerState};
use crate::system::child;
use crate::system::mutex::{Condvar, Mutex};
use crate::system::shared_memory::SharedMemory;

/// How long the dump of the stacks may take: it is made by C code that waits for nothing.
pub(super) const DUMPED_WITHIN: Duration = Duration::from_millis(300);

/// The most text of stacks that is logged.
const TEXT_MAX: usize = 64 * 1024;

/// The signal that makes a worker write its stacks; `None` where there is none to spare.
pub fn dump_signal() -> Option<i32> {
    #[cfg(target_os = "linux")]
    return Some(libc::SIGRTMIN() + 6);
    #[cfg(not(target_os = "linux"))]
    None
}

/// Stacks that somebody on the admin listener waits for.
#[derive(Debug, Default)]
pub(super) struct AskedStacks {
    told: Mutex<Told>,
    changed: Condvar,
}

/// The last stacks, and how often there were some.
#[derive(Debug, Default)]
struct Told {
    times: u64,
    stacks: BTreeMap<Serial, String>,
}

impl View {
    /// The stacks of all workers that are ready. Waits for them, for so long at most; without an answer
    /// there are none.
    pub(super) fn stacks(&self, within: Duration) -> BTreeMap<Serial, String> {
        let Some(supervisor) = self.supervisor.get() else { return BTreeMap::new() };
        let told = self.asked_stacks.told.lock();
        let before = told.times;
        supervisor.tell_stacks();
        let is_the_same = |told: &mut Told| told.times == before;
        let (told, _) = self.asked_stacks.changed.wait_timeout_while(told, within, is_the_same);
        if told.times == before { BTreeMap::new() } else { told.stacks.clone() }
    }

    fn stacks_are(&self, stacks: BTreeMap<Serial, String>) {
        let mut told = self.asked_stacks.told.lock();
        told.times += 1;
        told.stacks = stacks;
        drop(told);
        self.asked_stacks.changed.notify_all();
    }
}

/// Asks a worker for its stacks.
pub(super) fn ask(worker: &Worker) {
    if let Some(signal) = dump_signal()
        && let Some(pid) = worker.pid
        && worker.pad.begin_anew().is_ok()
    {
        // If it cannot be asked, it has ended.
        let _ = child::signal(pid, signal);
    }
}

impl Supervisor {
    /// Asks all workers for their stacks. Before one is ready, the signal would end it.
    pub(super) fn ask_for_stacks(&mut self) {
        if self.stacks_asked_at.is_some() {
            return;
        }
        let ready = self.workers.values().filter(|worker| worker.state == WorkerState::Ready);
        ready.for_each(ask);
        self.stacks_asked_at = Some(self.now());
    }

    /// Tells the stacks, once they have been written.
    pub(super) fn tell_stacks(&mut self, now: Instant) {
        let is_time = |at| now.saturating_duration_since(at) >= DUMPED_WITHIN;
        if self.stacks_asked_at.is_some_and(is_time) {
            self.stacks_asked_at = None;
            // Who retires may have written some when it was asked before.
            let ready = self.workers.iter().filter(|(_, it)| it.state == WorkerState::Ready);
            let all = ready.map(|(&serial, worker)| (serial, read(&worker.pad)));
            self.view.stacks_are(all.filter(|(_, stacks)| !stacks.is_empty()).collect());
        }
    }
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
        pad.begin_anew().unwrap();
        file.write_all(b"again\n").unwrap();
        assert_eq!(read(&pad), "again\n");
    }
}
