//! The declarations: each setting exactly once, with everything that is known about it.
//!
//! The command line, the names in the environment, `--help`, the JSON Schema, the reference page,
//! the sample file, completions, the man page and `config show` are all made from these
//! constants, so that none of them can disagree with another. A default is written as a person
//! would write it and is read by the same code as everything else.

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
    /// Its name: the flag without `--`, and the key in TOML.
    pub name: &'static str,
    /// What may be written, and in which unit.
    pub kind: Kind,
    /// Its default as text, or `None` when it is unset unless somebody sets it.
    pub default: Option<&'static str>,
    /// What it does: a sentence or two, each with its full stop.
    pub help: &'static str,
    /// Where it stands in every list of settings.
    pub section: Section,
    /// The first version that has it.
    pub since: &'static str,
    /// Its name in Waitress, when Waitress has it.
    pub waitress: Option<&'static str>,
    /// Who may set it.
    pub reach: Reach,
    /// Whether it changes anything.
    pub effect: Effect,
    /// A one-letter flag.
    pub short: Option<char>,
    /// A second long flag.
    pub alias: Option<&'static str>,
    /// A variable that other software sets, used when nothing else sets this.
    pub fallback_variable: Option<&'static str>,
    /// What to write in the sample file when there is no default to show.
    pub example: &'static str,
}

/// Who may set a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Every layer.
    Everywhere,
    /// Only the keywords of `serve()`: the value is a Python object.
    Keywords,
}

/// Whether a setting changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It does what its help says.
    Real,
    /// It is accepted because Waitress has it; here nothing depends on it.
    Ignored,
}

/// What may be written for a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// True or false.
    Flag,
    /// A whole number of something.
    Count {
        /// The smallest that makes sense.
        least: i64,
        /// The largest that makes sense.
        most: i64,
        /// What is counted, in the plural; empty for a port.
        of: &'static str,
    },
    /// A whole number of threads, or `auto`.
    Threads,
    /// A time: seconds as a number, or `500ms`, `30s`, `5m`, `1h`.
    Duration(Zero),
    /// A number of bytes, or `64KiB`, `10MB`.
    Size {
        /// The smallest that makes sense, in bytes.
        least: i64,
    },
    /// Permission bits as octal digits.
    Mode,
    /// Text.
    Text(Empty),
    /// Text with one leading slash and none at its end, or none at all.
    Prefix,
    /// A file or folder.
    Path,
    /// Several folders.
    Paths,
    /// One of some words.
    Choice(&'static [&'static str]),
    /// A host to listen at.
    Host,
    /// One place to listen at.
    Endpoint,
    /// Several places to listen at.
    Endpoints,
    /// Sockets that are already bound, by their descriptors.
    Descriptors,
    /// Addresses and networks of proxies.
    Proxies,
    /// Names of forwarded header fields.
    ProxyHeaders,
    /// Several paths of URLs.
    UrlPaths,
    /// A format of access-log lines.
    AccessLogFormat,
    /// The application to load.
    Application,
}

/// What a duration of zero means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zero {
    /// A mistake.
    Refused,
    /// At once.
    Now,
    /// Never.
    Never,
}

/// What an empty text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Empty {
    /// A mistake.
    Refused,
    /// That there is no such text.
    Unset,
}

/// Where a setting stands in every list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// What is served.
    Application,
    /// Where it listens.
    Network,
    /// How much of everything.
    Limits,
    /// How long everything.
    Timeouts,
    /// What stands in front.
    Proxy,
    /// What is told about it.
    Observability,
}

impl Section {
    /// Every section, in the order they are listed.
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

    /// Its settings, in the order of their declaration.
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
    /// What the declarations start from; a name, a kind and a help are theirs to give.
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

    /// Whether the setting may be given in files, variables and flags.
    pub(crate) fn is_written(&self) -> bool {
        self.reach == Reach::Everywhere
    }
}

impl Kind {
    /// The unit of a bare number, or what is counted; empty when there is neither.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Count { of, .. } => of,
            Self::Threads => "threads",
            Self::Duration(_) => "seconds",
            Self::Size { .. } => "bytes",
            _ => "",
        }
    }

    /// Whether a repeated flag adds to the values rather than replacing them. Who is trusted never
    /// grows that way: there the last flag wins, as in Waitress.
    pub(crate) const fn accumulates(self) -> bool {
        matches!(self, Self::Paths | Self::Endpoints | Self::UrlPaths)
    }

    /// What stands for the value in `--help`.
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
            Self::Path => "PATH",
            Self::Paths => "FOLDER",
            Self::Host => "ADDRESS",
            Self::Endpoint | Self::Endpoints => "ADDRESS",
            Self::Descriptors => "SOCKETS",
            Self::Proxies => "ADDRESS|NETWORK",
            Self::ProxyHeaders => "NAMES",
            Self::UrlPaths => "PATH",
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

/// The setting of a name, written with `-` or `_`.
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
