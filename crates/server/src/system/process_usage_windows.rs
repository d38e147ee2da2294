//! The `process_*` metrics on Windows, from system calls. Handles take the place of descriptors,
//! and have no practical limit.

use windows_sys::Win32::Foundation::FILETIME;
use windows_sys::Win32::System::ProcessStatus::{K32GetProcessMemoryInfo, PROCESS_MEMORY_COUNTERS};
use windows_sys::Win32::System::Threading::{
    GetCurrentProcess, GetProcessHandleCount, GetProcessTimes,
};

use super::process_usage::ProcessUsage;

/// Asks for everything there is.
pub(crate) fn read() -> ProcessUsage {
    let times = times();
    ProcessUsage {
        cpu_seconds: times.map(|times| times.cpu_seconds),
        start_seconds: times.map(|times| times.start_seconds),
        resident_bytes: resident_bytes(),
        open_fds: handles(),
        ..ProcessUsage::default()
    }
}

#[derive(Clone, Copy)]
struct Times {
    start_seconds: f64,
    cpu_seconds: f64,
}

fn times() -> Option<Times> {
    const NEVER: FILETIME = FILETIME { dwLowDateTime: 0, dwHighDateTime: 0 };
    let (mut created, mut exited, mut kernel, mut user) = (NEVER, NEVER, NEVER, NEVER);
    // SAFETY: the handle is a constant that stands for this process; the four structs are locals
    // that the call writes to.
    let answered = unsafe {
        GetProcessTimes(
            GetCurrentProcess(),
            &raw mut created,
            &raw mut exited,
            &raw mut kernel,
            &raw mut user,
        )
    };
    (answered != 0).then(|| Times {
        start_seconds: seconds(created) - SECONDS_BEFORE_1970,
        cpu_seconds: seconds(kernel) + seconds(user),
    })
}

fn resident_bytes() -> Option<u64> {
    let length = u32::try_from(size_of::<PROCESS_MEMORY_COUNTERS>()).ok()?;
    let mut counters = PROCESS_MEMORY_COUNTERS { cb: length, ..Default::default() };
    // SAFETY: the handle is a constant, and the struct a local of the length that is told.
    let answered =
        unsafe { K32GetProcessMemoryInfo(GetCurrentProcess(), &raw mut counters, length) };
    (answered != 0).then_some(counters.WorkingSetSize as u64)
}

fn handles() -> Option<u64> {
    let mut count = 0;
    // SAFETY: the handle is a constant, and the count a local that the call writes to.
    let answered = unsafe { GetProcessHandleCount(GetCurrentProcess(), &raw mut count) };
    (answered != 0).then_some(count.into())
}

/// Times begin with the year 1601 here.
const SECONDS_BEFORE_1970: f64 = 11_644_473_600.0;

/// A `FILETIME` counts 100 ns.
#[expect(clippy::cast_precision_loss, reason = "a metric needs no nanoseconds")]
fn seconds(time: FILETIME) -> f64 {
    let count = u64::from(time.dwHighDateTime) << 32 | u64::from(time.dwLowDateTime);
    count as f64 / 1e7
}
