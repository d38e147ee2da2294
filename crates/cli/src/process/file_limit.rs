//! Allows this process as many open files as the system lets it have, and the programs that it executes
//! as many as before.
//!
//! The soft limit is 1024 on most systems, for programs that use select(2). The handler of forks that
//! gives children the old limit back (`maitred_server::raise_file_limit`) is not called by vfork(2) and
//! posix_spawn(3), which `subprocess` prefers. It has switches for both, so that it forks. Python 3.10 has
//! none, and keeps its limit.

use maitred_server::{FileLimit, raise_file_limit};
use pyo3::prelude::*;

/// The documented switches of `subprocess`.
const SWITCHES: [&str; 2] = ["_USE_VFORK", "_USE_POSIX_SPAWN"];

/// Raises the limit of a process that exits when the server has stopped.
///
/// # Errors
/// `subprocess` cannot be imported.
pub(crate) fn raise(py: Python<'_>) -> PyResult<()> {
    let subprocess = py.import("subprocess")?;
    for switch in SWITCHES {
        if !subprocess.hasattr(switch)? {
            return Ok(());
        }
    }
    if raise_file_limit() == FileLimit::Raised {
        for switch in SWITCHES {
            subprocess.setattr(switch, false)?;
        }
    }
    Ok(())
}
