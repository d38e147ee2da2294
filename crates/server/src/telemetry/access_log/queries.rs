//! Whether lines have the queries of URLs (`access-log-query`). A query may hold what nobody but the
//! application should know: tokens, addresses, names.

use maitred_config::ObservabilitySettings;
use maitred_http_parser::RequestHead;

/// Fields and variables that hold a URL.
const URLS: [&str; 6] =
    ["content-location", "http_referer", "location", "raw_uri", "referer", "request_uri"];

/// Whether queries are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Queries {
    Written,
    LeftOut,
}

impl Queries {
    /// As the settings say.
    pub(super) fn of(settings: &ObservabilitySettings) -> Self {
        if settings.access_log_query { Self::Written } else { Self::LeftOut }
    }

    /// The query of a request.
    pub(super) fn query(self, head: &RequestHead) -> &[u8] {
        match self {
            Self::Written => head.query(),
            Self::LeftOut => b"",
        }
    }

    /// What is written of a URL or of a request target.
    pub(super) fn of_url(self, url: &[u8]) -> &[u8] {
        match self {
            Self::Written => url,
            Self::LeftOut => url.split(|&byte| byte == b'?').next().unwrap_or_default(),
        }
    }

    /// What is written of the field or variable with this name.
    pub(super) fn of_named<'a>(self, name: &str, value: &'a [u8]) -> &'a [u8] {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        match self {
            Self::LeftOut if is("query_string") => b"",
            Self::LeftOut if URLS.into_iter().any(is) => self.of_url(value),
            Self::Written | Self::LeftOut => value,
        }
    }
}
