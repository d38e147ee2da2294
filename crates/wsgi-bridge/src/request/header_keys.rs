//! The environ keys of request fields: `Accept-Language` is HTTP_ACCEPT_LANGUAGE.
//!
//! The keys of common names are interned strings with a precomputed hash, found by length and
//! comparison. Each worker keeps the others in a small table, which is cleared when it is full, so
//! a client that invents names slows down its own requests but uses no additional memory.
//!
//! A name with an underscore is dropped, as in nginx and Waitress: its key would be the same as
//! that of the name with a hyphen, which a proxy may have checked or set.

use std::collections::HashMap;

use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::interpreter::latin1;

/// Index of a name in [`KNOWN`].
pub(crate) type Known = usize;

pub(crate) const HOST: Known = 0;
pub(crate) const COOKIE: Known = 1;
pub(crate) const TRANSFER_ENCODING: Known = 2;
/// The forwarding fields: `Forwarded` and `X-Forwarded-*`.
pub(crate) const FORWARDING: std::ops::RangeInclusive<Known> = 3..=8;

/// Whether the last value of a field is cached, because the next request usually has the same one.
/// Credentials (Cookie, Authorization) are never cached.
const KEPT: bool = true;
const NOT_KEPT: bool = false;

/// The number of known names. A request marks the ones that it has in a `u64`.
pub(crate) const KNOWN_NAMES: usize = 56;

/// The known names in their usual spelling, their keys, and whether their values are cached.
static KNOWN: [(&str, &str, bool); KNOWN_NAMES] = [
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

/// The known names by hash, with at most two in each slot.
static PLACES: [[u8; 2]; 256] = {
    let mut places = [[NOBODY; 2]; 256];
    let mut known = 0;
    while known < KNOWN_NAMES {
        let place = &mut places[place(KNOWN[known].0.as_bytes())];
        if place[0] == NOBODY {
            place[0] = known as u8;
        } else {
            assert!(place[1] == NOBODY, "three known names at one place: change `place`");
            place[1] = known as u8;
        }
        known += 1;
    }
    places
};

const NOBODY: u8 = u8::MAX;

/// The hash of a name: from its length and three of its bytes, ignoring case.
const fn place(name: &[u8]) -> usize {
    let length = name.len();
    if length == 0 {
        return 0;
    }
    let (first, middle, last) = (name[0] | 0x20, name[length / 2] | 0x20, name[length - 1] | 0x20);
    (length * 5 + first as usize * 3 + middle as usize * 7 + last as usize * 11) % 256
}

/// The known name that equals `name`, ignoring case.
pub(crate) fn find(name: &[u8]) -> Option<Known> {
    PLACES[place(name)].into_iter().map(usize::from).find(|&known| {
        KNOWN.get(known).is_some_and(|(spelling, ..)| {
            let spelling = spelling.as_bytes();
            name == spelling || name.eq_ignore_ascii_case(spelling)
        })
    })
}

/// The environ keys of all known names, shared by all workers.
pub(crate) struct KnownKeys([Py<PyString>; KNOWN_NAMES]);

impl KnownKeys {
    pub(crate) fn new(py: Python<'_>) -> Self {
        Self(KNOWN.map(|(_, key, _)| PyString::intern(py, key).unbind()))
    }

    pub(crate) fn get<'py>(&self, py: Python<'py>, known: Known) -> &Bound<'py, PyString> {
        self.0[known].bind(py)
    }
}

/// Whether the last value of a known field is cached.
pub(crate) fn is_kept(known: Known) -> bool {
    KNOWN[known].2
}

/// The environ keys of other names that a worker has seen.
#[derive(Default)]
pub(crate) struct OtherNames {
    keys: HashMap<Box<[u8]>, Py<PyString>>,
}

/// The maximum number of other names that a worker caches, and their maximum length: more than
/// applications usually have, and less than 32 KiB.
const REMEMBERED: usize = 128;
const REMEMBERED_BYTES: usize = 64;

impl OtherNames {
    /// The environ key of another name; `None` if it contains an underscore.
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
    fn every_known_name_is_found_in_whatever_case_and_no_other() {
        for (known, (name, ..)) in KNOWN.iter().enumerate() {
            for spelling in [name.to_string(), name.to_uppercase(), name.to_lowercase()] {
                assert_eq!(find(spelling.as_bytes()), Some(known), "{spelling}");
            }
            for other in [format!("{name}s"), name[1..].to_owned()] {
                assert_ne!(find(other.as_bytes()), Some(known), "{other}");
            }
            let underscored = name.replace('-', "_");
            assert!(underscored == *name || find(underscored.as_bytes()).is_none(), "{name}");
        }
        assert_eq!(find(b""), None);
    }

    #[test]
    fn no_value_that_identifies_somebody_is_kept() {
        for secret in ["Cookie", "Authorization", "X-API-Key", "X-CSRFToken", "Referer"] {
            assert!(KNOWN.iter().any(|&(name, _, kept)| name == secret && !kept), "{secret}");
        }
    }
}
