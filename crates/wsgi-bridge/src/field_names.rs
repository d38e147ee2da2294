//! The environ keys of request fields: `Accept-Language` is HTTP_ACCEPT_LANGUAGE.
//!
//! The names that clients really send are known beforehand: their keys are interned strings with
//! a hash that is computed once, found by length and comparison. The others are kept by each worker
//! in a small table, which starts over when it is full, so that a client which invents names costs
//! its own requests some time and nobody any memory.
//!
//! A name with an underscore is nobody's: it would be the same key as the one with a hyphen, which
//! a proxy in front may have checked or set. It is dropped (as nginx and Waitress do).

use std::collections::HashMap;

use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::latin1;

/// Index of a name in [`KNOWN`].
pub(crate) type Known = usize;

pub(crate) const HOST: Known = 0;
pub(crate) const COOKIE: Known = 1;
pub(crate) const TRANSFER_ENCODING: Known = 2;
/// The fields by which proxies speak: `Forwarded` and its forerunners.
pub(crate) const FORWARDING: std::ops::RangeInclusive<Known> = 3..=8;

/// Whether the last value of a field is kept, because the next request mostly has the same one.
/// What identifies or authenticates somebody (Cookie, Authorization) is not.
const KEPT: bool = true;
const NOT_KEPT: bool = false;

/// How many names are known. A request marks in one `u64` which it has had.
pub(crate) const KNOWN_NAMES: usize = 56;

/// Names as most clients spell them, their keys, and whether their values are kept.
const KNOWN: [(&str, &str, bool); KNOWN_NAMES] = [
    ("Host", "HTTP_HOST", KEPT),
    ("Cookie", "HTTP_COOKIE", NOT_KEPT),
    ("Transfer-Encoding", "HTTP_TRANSFER_ENCODING", NOT_KEPT),
    ("Forwarded", "HTTP_FORWARDED", NOT_KEPT),
    ("X-Forwarded-By", "HTTP_X_FORWARDED_BY", NOT_KEPT),
    ("X-Forwarded-For", "HTTP_X_FORWARDED_FOR", NOT_KEPT),
    ("X-Forwarded-Host", "HTTP_X_FORWARDED_HOST", NOT_KEPT),
    ("X-Forwarded-Port", "HTTP_X_FORWARDED_PORT", NOT_KEPT),
    ("X-Forwarded-Proto", "HTTP_X_FORWARDED_PROTO", NOT_KEPT),
    ("Accept", "HTTP_ACCEPT", KEPT),
    ("Accept-Charset", "HTTP_ACCEPT_CHARSET", KEPT),
    ("Accept-Encoding", "HTTP_ACCEPT_ENCODING", KEPT),
    ("Accept-Language", "HTTP_ACCEPT_LANGUAGE", KEPT),
    ("Cache-Control", "HTTP_CACHE_CONTROL", KEPT),
    ("Content-Length", "CONTENT_LENGTH", NOT_KEPT),
    ("Content-Type", "CONTENT_TYPE", KEPT),
    ("Connection", "HTTP_CONNECTION", KEPT),
    ("DNT", "HTTP_DNT", KEPT),
    ("Origin", "HTTP_ORIGIN", KEPT),
    ("Pragma", "HTTP_PRAGMA", KEPT),
    ("Priority", "HTTP_PRIORITY", KEPT),
    ("sec-ch-ua", "HTTP_SEC_CH_UA", KEPT),
    ("sec-ch-ua-mobile", "HTTP_SEC_CH_UA_MOBILE", KEPT),
    ("sec-ch-ua-platform", "HTTP_SEC_CH_UA_PLATFORM", KEPT),
    ("Sec-Fetch-Dest", "HTTP_SEC_FETCH_DEST", KEPT),
    ("Sec-Fetch-Mode", "HTTP_SEC_FETCH_MODE", KEPT),
    ("Sec-Fetch-Site", "HTTP_SEC_FETCH_SITE", KEPT),
    ("Upgrade-Insecure-Requests", "HTTP_UPGRADE_INSECURE_REQUESTS", KEPT),
    ("User-Agent", "HTTP_USER_AGENT", KEPT),
    ("Authorization", "HTTP_AUTHORIZATION", NOT_KEPT),
    ("baggage", "HTTP_BAGGAGE", NOT_KEPT),
    ("Content-Disposition", "HTTP_CONTENT_DISPOSITION", NOT_KEPT),
    ("Content-Encoding", "HTTP_CONTENT_ENCODING", NOT_KEPT),
    ("Expect", "HTTP_EXPECT", NOT_KEPT),
    ("From", "HTTP_FROM", NOT_KEPT),
    ("If-Match", "HTTP_IF_MATCH", NOT_KEPT),
    ("If-Modified-Since", "HTTP_IF_MODIFIED_SINCE", NOT_KEPT),
    ("If-None-Match", "HTTP_IF_NONE_MATCH", NOT_KEPT),
    ("If-Range", "HTTP_IF_RANGE", NOT_KEPT),
    ("If-Unmodified-Since", "HTTP_IF_UNMODIFIED_SINCE", NOT_KEPT),
    ("Keep-Alive", "HTTP_KEEP_ALIVE", NOT_KEPT),
    ("Proxy-Connection", "HTTP_PROXY_CONNECTION", NOT_KEPT),
    ("Range", "HTTP_RANGE", NOT_KEPT),
    ("Referer", "HTTP_REFERER", NOT_KEPT),
    ("Sec-Fetch-User", "HTTP_SEC_FETCH_USER", NOT_KEPT),
    ("Sec-GPC", "HTTP_SEC_GPC", NOT_KEPT),
    ("TE", "HTTP_TE", NOT_KEPT),
    ("traceparent", "HTTP_TRACEPARENT", NOT_KEPT),
    ("tracestate", "HTTP_TRACESTATE", NOT_KEPT),
    ("Upgrade", "HTTP_UPGRADE", NOT_KEPT),
    ("Via", "HTTP_VIA", NOT_KEPT),
    ("X-API-Key", "HTTP_X_API_KEY", NOT_KEPT),
    ("X-CSRFToken", "HTTP_X_CSRFTOKEN", NOT_KEPT),
    ("X-Real-IP", "HTTP_X_REAL_IP", NOT_KEPT),
    ("X-Request-ID", "HTTP_X_REQUEST_ID", NOT_KEPT),
    ("X-Requested-With", "HTTP_X_REQUESTED_WITH", NOT_KEPT),
];

/// A table with a place for every remainder, so that nearly all known names have one of their own.
const PLACES: usize = 256;

/// The keys of all known names, shared by all workers.
pub(crate) struct KnownNames {
    keys: Vec<Py<PyString>>,
    /// The known names at each place.
    places: Vec<Vec<Known>>,
}

impl KnownNames {
    pub(crate) fn new(py: Python<'_>) -> Self {
        let mut places = vec![Vec::new(); PLACES];
        for (known, (name, ..)) in KNOWN.iter().enumerate() {
            places[place(name.as_bytes())].push(known);
        }
        let keys = KNOWN.iter().map(|(_, key, _)| PyString::intern(py, key).unbind()).collect();
        Self { keys, places }
    }

    pub(crate) fn find(&self, name: &[u8]) -> Option<Known> {
        self.places[place(name)].iter().copied().find(|&known| {
            let spelling = KNOWN[known].0.as_bytes();
            name == spelling || name.eq_ignore_ascii_case(spelling)
        })
    }

    pub(crate) fn key<'py>(&self, py: Python<'py>, known: Known) -> &Bound<'py, PyString> {
        self.keys[known].bind(py)
    }
}

/// Where in the table a name is: by its length and three of its bytes, without regard to case.
fn place(name: &[u8]) -> usize {
    let lower = |index: usize| name.get(index).map_or(0, |byte| usize::from(byte | 0x20));
    let length = name.len();
    let sum =
        length * 5 + lower(0) * 3 + lower(length / 2) * 7 + lower(length.wrapping_sub(1)) * 11;
    sum % PLACES
}

/// Whether the last value of a known field is kept.
pub(crate) fn is_kept(known: Known) -> bool {
    KNOWN[known].2
}

/// The keys of other names, as one worker has met them.
#[derive(Default)]
pub(crate) struct OtherNames {
    keys: HashMap<Box<[u8]>, Py<PyString>>,
}

/// How many other names a worker remembers, and of which length. More than applications have
/// fields of their own; less than 32 KiB.
const REMEMBERED: usize = 128;
const REMEMBERED_BYTES: usize = 64;

impl OtherNames {
    /// The key of a name that is not known; `None` when it has an underscore.
    pub(crate) fn key<'py>(
        &mut self,
        py: Python<'py>,
        name: &[u8],
    ) -> PyResult<Option<Bound<'py, PyString>>> {
        if let Some(key) = self.keys.get(name) {
            return Ok(Some(key.bind(py).clone()));
        }
        if name.contains(&b'_') {
            return Ok(None);
        }
        let mut key = Vec::with_capacity(5 + name.len());
        key.extend_from_slice(b"HTTP_");
        key.extend(name.iter().map(|&byte| match byte {
            b'-' => b'_',
            other => other.to_ascii_uppercase(),
        }));
        let key = latin1::to_str(py, &key)?;
        if name.len() <= REMEMBERED_BYTES {
            if self.keys.len() >= REMEMBERED {
                self.keys.clear();
            }
            self.keys.insert(name.into(), key.clone().unbind());
        }
        Ok(Some(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_name_has_the_key_that_the_rule_gives_it() {
        for (name, key, _) in KNOWN {
            let rule = name.to_uppercase().replace('-', "_");
            let prefix = if key.starts_with("CONTENT_") { "" } else { "HTTP_" };
            assert_eq!(key, format!("{prefix}{rule}"));
        }
        assert!(KNOWN_NAMES <= u64::BITS as usize);
    }

    #[test]
    fn the_named_indexes_are_those_of_their_names() {
        assert_eq!(KNOWN[HOST].0, "Host");
        assert_eq!(KNOWN[COOKIE].0, "Cookie");
        assert_eq!(KNOWN[TRANSFER_ENCODING].0, "Transfer-Encoding");
        let speaks = |name: &str| name.contains("Forwarded");
        assert!(KNOWN[FORWARDING].iter().all(|(name, ..)| speaks(name)));
        assert!(KNOWN.iter().filter(|(name, ..)| speaks(name)).count() == 6);
    }

    #[test]
    fn no_two_known_names_share_a_crowded_place() {
        let mut crowd = [0; PLACES];
        KNOWN.iter().for_each(|(name, ..)| crowd[place(name.as_bytes())] += 1);
        assert!(crowd.iter().all(|&names| names <= 2), "{crowd:?}");
    }

    #[test]
    fn the_place_of_a_name_does_not_depend_on_its_case() {
        for (name, ..) in KNOWN {
            assert_eq!(
                place(name.to_uppercase().as_bytes()),
                place(name.to_lowercase().as_bytes())
            );
        }
    }

    #[test]
    fn no_value_that_identifies_somebody_is_kept() {
        for secret in ["Cookie", "Authorization", "X-API-Key", "X-CSRFToken", "Referer"] {
            assert!(KNOWN.iter().any(|&(name, _, kept)| name == secret && !kept), "{secret}");
        }
    }
}
