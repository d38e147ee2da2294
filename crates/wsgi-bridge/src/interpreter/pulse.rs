//! Shows that the interpreter runs: a thread gets its lock, again and again.

use super::attach::try_attached;

/// Waits for the interpreter's lock, and releases it at once. False if the interpreter is shutting
/// down.
pub fn beat() -> bool {
    try_attached(|_| ()).is_some()
}
