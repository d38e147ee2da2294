//! Whether the supervisor may have as many files open as its worker processes need.
//!
//! It has some for each of them as long as they live. If it lacked them, the last workers would never
//! start, and neither would the successor of any other; so that is told when the server starts, and when
//! a reload asks for more.

use crate::system::file_limit;

/// For each worker: its control socket, its pad for stacks, and both ends of its inbox.
const FOR_EACH: u64 = 4;

/// For everything else: what it takes to start a process, the successors in a roll-out, the processes
/// from which workers are forked, scrapes, and connections of the admin listener.
const FOR_OTHERS: u64 = 32;

/// There are more workers than the limit of open files allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`workers` is {workers}, but the supervisor may have {limit} files open, which is enough for {enough}: \
     raise the hard limit (`ulimit -Hn`, LimitNOFILE= in systemd, --ulimit nofile= of Docker), or lower \
     `workers`"
)]
pub struct TooFewFiles {
    workers: usize,
    /// How many files the process may have open.
    limit: u64,
    /// How many workers that is enough for.
    enough: u64,
}

/// Checks that this process may have the files open that it needs for so many workers, of which
/// `running` have theirs open.
///
/// # Errors
/// It may not.
pub fn check(workers: usize, running: usize) -> Result<(), TooFewFiles> {
    match (file_limit::soft_limit(), file_limit::open_files()) {
        (Some(limit), Some(open)) => {
            check_limit(workers, limit, open.saturating_sub(FOR_EACH * running as u64))
        }
        _ => Ok(()), // there is no limit, or the system does not tell
    }
}

fn check_limit(workers: usize, limit: u64, open: u64) -> Result<(), TooFewFiles> {
    let enough = limit.saturating_sub(open + FOR_OTHERS) / FOR_EACH;
    if workers as u64 <= enough { Ok(()) } else { Err(TooFewFiles { workers, limit, enough }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_workers_as_there_are_files_for_are_enough_and_one_more_is_refused_with_every_number()
    {
        assert_eq!(check_limit(240, 1024, 32), Ok(()));
        let refused = check_limit(241, 1024, 32).unwrap_err().to_string();
        for part in ["`workers` is 241", "may have 1024 files", "enough for 240:"] {
            assert!(refused.contains(part), "{refused}");
        }
        assert!(check_limit(1, 20, 20).is_err());
    }
}
