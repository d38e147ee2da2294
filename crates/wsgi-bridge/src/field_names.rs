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

/// Fields whose values are mostly the same from one request to the next: the last one is kept.
/// What identifies or authenticates somebody (Cookie, Authorization) is not among them.
pub(crate) const REPEATING: [Known; 20] =
    [0, 9, 10, 11, 12, 13, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28];

/// Names in lower case, and their keys. A request marks in one `u64` which it has had.
const KNOWN: [(&str, &str); 56] = [
    ("host", "HTTP_HOST"),
    ("cookie", "HTTP_COOKIE"),
    ("transfer-encoding", "HTTP_TRANSFER_ENCODING"),
    ("forwarded", "HTTP_FORWARDED"),
    ("x-forwarded-by", "HTTP_X_FORWARDED_BY"),
    ("x-forwarded-for", "HTTP_X_FORWARDED_FOR"),
    ("x-forwarded-host", "HTTP_X_FORWARDED_HOST"),
    ("x-forwarded-port", "HTTP_X_FORWARDED_PORT"),
    ("x-forwarded-proto", "HTTP_X_FORWARDED_PROTO"),
    ("accept", "HTTP_ACCEPT"),
    ("accept-charset", "HTTP_ACCEPT_CHARSET"),
    ("accept-encoding", "HTTP_ACCEPT_ENCODING"),
    ("accept-language", "HTTP_ACCEPT_LANGUAGE"),
    ("cache-control", "HTTP_CACHE_CONTROL"),
    ("content-length", "CONTENT_LENGTH"),
    ("content-type", "CONTENT_TYPE"),
    ("connection", "HTTP_CONNECTION"),
    ("dnt", "HTTP_DNT"),
    ("origin", "HTTP_ORIGIN"),
    ("pragma", "HTTP_PRAGMA"),
    ("priority", "HTTP_PRIORITY"),
    ("sec-ch-ua", "HTTP_SEC_CH_UA"),
    ("sec-ch-ua-mobile", "HTTP_SEC_CH_UA_MOBILE"),
    ("sec-ch-ua-platform", "HTTP_SEC_CH_UA_PLATFORM"),
    ("sec-fetch-dest", "HTTP_SEC_FETCH_DEST"),
    ("sec-fetch-mode", "HTTP_SEC_FETCH_MODE"),
    ("sec-fetch-site", "HTTP_SEC_FETCH_SITE"),
    ("upgrade-insecure-requests", "HTTP_UPGRADE_INSECURE_REQUESTS"),
    ("user-agent", "HTTP_USER_AGENT"),
    ("authorization", "HTTP_AUTHORIZATION"),
    ("baggage", "HTTP_BAGGAGE"),
    ("content-disposition", "HTTP_CONTENT_DISPOSITION"),
    ("content-encoding", "HTTP_CONTENT_ENCODING"),
    ("expect", "HTTP_EXPECT"),
    ("from", "HTTP_FROM"),
    ("if-match", "HTTP_IF_MATCH"),
    ("if-modified-since", "HTTP_IF_MODIFIED_SINCE"),
    ("if-none-match", "HTTP_IF_NONE_MATCH"),
    ("if-range", "HTTP_IF_RANGE"),
    ("if-unmodified-since", "HTTP_IF_UNMODIFIED_SINCE"),
    ("keep-alive", "HTTP_KEEP_ALIVE"),
    ("proxy-connection", "HTTP_PROXY_CONNECTION"),
    ("range", "HTTP_RANGE"),
    ("referer", "HTTP_REFERER"),
    ("sec-fetch-user", "HTTP_SEC_FETCH_USER"),
    ("sec-gpc", "HTTP_SEC_GPC"),
    ("te", "HTTP_TE"),
    ("traceparent", "HTTP_TRACEPARENT"),
    ("tracestate", "HTTP_TRACESTATE"),
    ("upgrade", "HTTP_UPGRADE"),
    ("via", "HTTP_VIA"),
    ("x-api-key", "HTTP_X_API_KEY"),
    ("x-csrftoken", "HTTP_X_CSRFTOKEN"),
    ("x-real-ip", "HTTP_X_REAL_IP"),
    ("x-request-id", "HTTP_X_REQUEST_ID"),
    ("x-requested-with", "HTTP_X_REQUESTED_WITH"),
];

const LONGEST_KNOWN: usize = 25;

/// The keys of all known names, shared by all workers.
pub(crate) struct KnownNames {
    keys: Vec<Py<PyString>>,
    /// The known names of each length.
    by_length: [Vec<Known>; LONGEST_KNOWN + 1],
}

impl KnownNames {
    pub(crate) fn new(py: Python<'_>) -> Self {
        let mut by_length = [const { Vec::new() }; LONGEST_KNOWN + 1];
        for (known, (name, _)) in KNOWN.iter().enumerate() {
            by_length[name.len()].push(known);
        }
        let keys = KNOWN.iter().map(|(_, key)| PyString::intern(py, key).unbind()).collect();
        Self { keys, by_length }
    }

    pub(crate) fn find(&self, name: &[u8]) -> Option<Known> {
        let candidates = self.by_length.get(name.len())?;
        candidates
            .iter()
            .copied()
            .find(|&known| name.eq_ignore_ascii_case(KNOWN[known].0.as_bytes()))
    }

    pub(crate) fn key<'py>(&self, py: Python<'py>, known: Known) -> &Bound<'py, PyString> {
        self.keys[known].bind(py)
    }
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
        for (name, key) in KNOWN {
            let rule = name.to_uppercase().replace('-', "_");
            let prefix = if key.starts_with("CONTENT_") { "" } else { "HTTP_" };
            assert_eq!(key, format!("{prefix}{rule}"));
            assert!(name.len() <= LONGEST_KNOWN, "{name}");
        }
        assert!(KNOWN.len() <= u64::BITS as usize);
    }

    #[test]
    fn the_named_indexes_are_those_of_their_names() {
        assert_eq!(KNOWN[HOST].0, "host");
        assert_eq!(KNOWN[COOKIE].0, "cookie");
        assert_eq!(KNOWN[TRANSFER_ENCODING].0, "transfer-encoding");
        assert!(KNOWN[FORWARDING].iter().all(|(name, _)| name.contains("forwarded")));
        assert!(KNOWN.iter().filter(|(name, _)| name.contains("forwarded")).count() == 6);
    }

    #[test]
    fn no_value_that_identifies_somebody_is_kept() {
        for secret in ["cookie", "authorization", "x-api-key", "x-csrftoken", "referer"] {
            assert!(REPEATING.iter().all(|&known| KNOWN[known].0 != secret), "{secret}");
        }
    }
}
