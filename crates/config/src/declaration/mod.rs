//! The declarations: each setting exactly once, with all its properties.
//!
//! The flags, the variable names, `--help`, the JSON Schema, the reference page, the sample file,
//! completions, the man page and `config show` are generated from these constants, so they cannot
//! contradict each other. A default is text in the user's syntax and is parsed by the same code as
//! every other value.

pub(crate) mod application;
pub(crate) mod limits;
pub(crate) mod network;
pub(crate) mod observability;
pub(crate) mod proxy;
pub(crate) mod timeouts;

use std::borrow::Cow;
use std::fmt;

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The name: the flag without `--`, and the key in TOML.
    pub name: &'static str,
    /// The type and unit of its values.
    pub kind: Kind,
    /// The default as text; `None` if the setting is unset by default.
    pub default: Option<&'static str>,
    /// What the setting does: one to three sentences, each with a full stop.
    pub help: &'static str,
    /// The section in which it is listed.
    pub section: Section,
    /// The first version that has it.
    pub since: &'static str,
    /// Its name in Waitress, if Waitress has it.
    pub waitress: Option<&'static str>,
    /// The sources that may set it.
    pub reach: Reach,
    /// Whether it has an effect.
    pub effect: Effect,
    /// A one-letter flag.
    pub short: Option<char>,
    /// A second long flag.
    pub alias: Option<&'static str>,
    /// A variable that other software sets, used if no other source sets this.
    pub fallback_variable: Option<&'static str>,
    /// The value in the sample file if there is no default.
    pub example: &'static str,
}

/// The sources that may set a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Every source.
    Everywhere,
    /// Only the keywords of `serve()`: the value is a Python object.
    Keywords,
}

/// Whether a setting has an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It does what its help says.
    Real,
    /// It is accepted because Waitress has it, and has no effect.
    Ignored,
}

/// The type of a setting's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// True or false.
    Flag,
    /// A whole number.
    Count {
        /// The smallest valid number.
        least: i64,
        /// The largest valid number.
        most: i64,
        /// What is counted, in the plural; empty for a port.
        of: &'static str,
    },
    /// A whole number of threads, or `auto`.
    Threads,
    /// A duration: seconds as a number, or `500ms`, `30s`, `5m`, `1h`.
    Duration(Zero),
    /// A number of bytes, or `64KiB`, `10MB`.
    Size {
        /// The smallest valid size, in bytes.
        least: i64,
    },
    /// File permissions in octal digits.
    Mode,
    /// Text.
    Text(Empty),
    /// A URL path with a leading slash and no trailing slash, or empty text.
    Prefix,
    /// The path of a file or directory.
    Path,
    /// The path of a Unix socket.
    SocketPath,
    /// Paths of directories.
    Paths,
    /// One word of a fixed set.
    Choice(&'static [&'static str]),
    /// A host to listen on.
    Host,
    /// An address to listen on.
    Endpoint,
    /// Addresses to listen on.
    Endpoints,
    /// Bound sockets, as descriptors.
    Descriptors,
    /// Addresses and networks of proxies.
    Proxies,
    /// Names of forwarding fields.
    ProxyHeaders,
    /// URL paths.
    UrlPaths,
    /// A format of access log lines.
    AccessLogFormat,
    /// The application to load.
    Application,
}

/// The meaning of a zero duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zero {
    /// It is an error.
    Refused,
    /// Immediately.
    Now,
    /// Never.
    Never,
}

/// The meaning of an empty text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Empty {
    /// It is an error.
    Refused,
    /// The setting is unset.
    Unset,
}

/// The section of a setting in every list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// The application, and its environ.
    Application,
    /// The addresses to listen on.
    Network,
    /// Limits on numbers and sizes.
    Limits,
    /// Limits on time.
    Timeouts,
    /// Trusted proxies.
    Proxy,
    /// Logs and error output.
    Observability,
}

impl Section {
    /// Every section, in order of listing.
    pub const ALL: [Self; 6] = [
        Self::Application,
        Self::Network,
        Self::Limits,
        Self::Timeouts,
        Self::Proxy,
        Self::Observability,
    ];

    /// The heading.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Application => "Application",
            Self::Network => "Network",
            Self::Limits => "Limits",
            Self::Timeouts => "Timeouts",
            Self::Proxy => "Proxies",
            Self::Observability => "Observability",
        }
    }

    /// Its settings, in order of declaration.
    pub const fn settings(self) -> &'static [&'static Setting] {
        match self {
            Self::Application => application::ALL,
            Self::Network => network::ALL,
            Self::Limits => limits::ALL,
            Self::Timeouts => timeouts::ALL,
            Self::Proxy => proxy::ALL,
            Self::Observability => observability::ALL,
        }
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}

impl Setting {
    /// The base of every declaration, which must set `name`, `kind` and `help`.
    const fn of(section: Section) -> Self {
        Self {
            name: "",
            kind: Kind::Flag,
            default: None,
            help: "",
            section,
            since: "0.1",
            waitress: None,
            reach: Reach::Everywhere,
            effect: Effect::Real,
            short: None,
            alias: None,
            fallback_variable: None,
            example: "",
        }
    }

    /// The environment variable: `MAITRED_CHANNEL_TIMEOUT`.
    pub fn variable(&self) -> String {
        format!("MAITRED_{}", self.name.replace('-', "_").to_ascii_uppercase())
    }

    /// The keyword of `serve()`: `channel_timeout`.
    pub fn keyword(&self) -> String {
        self.name.replace('-', "_")
    }

    /// Whether it says by itself where to listen, in place of `host` and `port`.
    pub(crate) fn is_address(&self) -> bool {
        [&network::LISTEN, &network::UNIX_SOCKET].into_iter().any(|place| place.name == self.name)
    }

    /// Whether files, variables and flags may set it.
    pub(crate) fn is_written(&self) -> bool {
        self.reach == Reach::Everywhere
    }
}

impl Kind {
    /// The unit of a number without a suffix, or what is counted; empty if there is neither.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Count { of, .. } => of,
            Self::Threads => "threads",
            Self::Duration(_) => "seconds",
            Self::Size { .. } => "bytes",
            _ => "",
        }
    }

    /// Whether a repeated flag adds values instead of replacing them. The trusted proxies are
    /// replaced, as in Waitress: a second flag must not extend who is trusted.
    pub(crate) const fn accumulates(self) -> bool {
        matches!(self, Self::Paths | Self::Endpoints | Self::UrlPaths)
    }

    /// The placeholder of the value in `--help`.
    pub(crate) fn placeholder(self) -> Cow<'static, str> {
        let word = match self {
            Self::Choice(words) => return words.join("|").into(),
            Self::Flag => "true|false",
            Self::Count { .. } => "N",
            Self::Threads => "N|auto",
            Self::Duration(_) => "TIME",
            Self::Size { .. } => "SIZE",
            Self::Mode => "OCTAL",
            Self::Text(_) => "TEXT",
            Self::Prefix => "PREFIX",
            Self::Path | Self::SocketPath | Self::UrlPaths => "PATH",
            Self::Paths => "DIRECTORY",
            Self::Host => "ADDRESS",
            Self::Endpoint | Self::Endpoints => "ADDRESS",
            Self::Descriptors => "SOCKETS",
            Self::Proxies => "ADDRESS|NETWORK",
            Self::ProxyHeaders => "NAMES",
            Self::AccessLogFormat => "FORMAT",
            Self::Application => "MODULE:ATTRIBUTE",
        };
        word.into()
    }
}

/// Every setting, section by section.
pub fn settings() -> impl Iterator<Item = &'static Setting> {
    Section::ALL.into_iter().flat_map(|section| section.settings().iter().copied())
}

/// The setting with this name, written with `-` or `_`.
pub fn find(name: &str) -> Option<&'static Setting> {
    settings().find(|setting| {
        setting.name.len() == name.len()
            && setting
                .name
                .bytes()
                .zip(name.bytes())
                .all(|(declared, given)| declared == given || declared == b'-' && given == b'_')
    })
}
