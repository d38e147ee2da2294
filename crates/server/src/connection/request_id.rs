//! The identifier of a request: X-Request-ID of a trusted proxy, or one that is generated.
//!
//! It is accepted only from trusted proxies: a client that names its own request could make it look
//! like another's.

use std::collections::hash_map::{DefaultHasher, RandomState};
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use maitred_config::RequestId;

/// The maximum length of an identifier from a proxy.
const ID_BYTES_MAX: usize = 128;

/// Provides the identifiers.
#[derive(Debug)]
pub(crate) struct RequestIds {
    /// A keyed hash of this process; each identifier continues it.
    process: DefaultHasher,
    next: AtomicU64,
}

impl RequestIds {
    /// Identifiers of this process, whose server starts at `now`.
    pub(crate) fn new(now: SystemTime) -> Self {
        Self::of_process(&RandomState::new(), std::process::id(), now)
    }

    /// Process and time count, because processes that were forked share the state of the random
    /// numbers of their parent.
    fn of_process(seed: &RandomState, pid: u32, now: SystemTime) -> Self {
        let mut process = seed.build_hasher();
        process.write_u32(pid);
        process.write_u128(now.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos());
        Self { process, next: AtomicU64::new(0) }
    }

    /// The identifier of a request, if the setting `request-id` provides one. `given` is X-Request-ID
    /// of a trusted proxy.
    pub(super) fn of(&self, setting: RequestId, given: Option<&[u8]>) -> Option<Arc<str>> {
        if setting == RequestId::Off {
            return None;
        }
        match given.and_then(identifier) {
            Some(given) => Some(given.into()),
            None if setting == RequestId::Generate => Some(self.generate()),
            None => None,
        }
    }

    /// 128 bits in hexadecimal. They are unique, not secret: a keyed hash of a counter.
    fn generate(&self) -> Arc<str> {
        let count = self.next.fetch_add(1, Ordering::Relaxed);
        let half = |which: u8| {
            let mut hasher = self.process.clone();
            hasher.write_u64(count);
            hasher.write_u8(which);
            hasher.finish()
        };
        format!("{:016x}{:016x}", half(0), half(1)).into()
    }
}

/// The value, if it may stand in logs and be passed on to others.
fn identifier(value: &[u8]) -> Option<&str> {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    let is_identifier = (1..=ID_BYTES_MAX).contains(&value.len()) && value.iter().all(is_plain);
    if is_identifier { std::str::from_utf8(value).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_short_and_plain() {
        assert_eq!(identifier(b"a-B_9.z"), Some("a-B_9.z"));
        for bad in [&b""[..], b"a b", b"a\"b", b"a,b", b"\xff", &[b'a'; 129]] {
            assert_eq!(identifier(bad), None);
        }
    }

    #[test]
    fn generated_identifiers_are_different_and_hexadecimal() {
        let ids = RequestIds::new(UNIX_EPOCH);
        let (first, second) = (ids.generate(), ids.generate());
        assert_ne!(first, second);
        assert!(first.len() == 32 && first.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }

    #[test]
    fn forked_processes_generate_different_identifiers() {
        let seed = RandomState::new();
        let first = |pid, now| RequestIds::of_process(&seed, pid, now).generate();
        // What the clock of Windows can tell apart; others are finer.
        let later = UNIX_EPOCH + std::time::Duration::from_nanos(100);
        assert_ne!(first(7, UNIX_EPOCH), first(8, UNIX_EPOCH));
        assert_ne!(first(7, UNIX_EPOCH), first(7, later), "a pid is given again");
    }
}
