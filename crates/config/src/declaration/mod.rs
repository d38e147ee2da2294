//! The declarations: each setting exactly once, with all its properties.
//!
//! The flags, the variable names, `--help`, the JSON Schema, the reference page, the sample file,
//! completions, the man page and `config show` are generated from these constants, so they cannot
//! contradict each other. A default is text in the user's syntax and is parsed by the same code as
//! every other value.

/// Declares the settings of a section: a constant for each, and the list of all.
macro_rules! settings {
    (section $section:ident; $($name:ident { $($field:ident: $value:expr,)* })*) => {
        $(pub(crate) const $name: Setting = Setting {
            $($field: $value,)*
            ..Setting::of(super::Section::$section)
        };)*

        pub(super) const ALL: &[&Setting] = &[$(&$name),*];
    };
}

pub(crate) mod application;
pub(crate) mod limits;
pub(crate) mod network;
pub(crate) mod observability;
pub(crate) mod processes;
pub(crate) mod proxy;
pub(crate) mod timeouts;

use std::fmt;

use crate::kinds::Kind;

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The name: the flag without `--`, and the key in TOML.
    pub name: &'static str,
    /// The kind and unit of its values.
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
    /// How a new value takes effect while the server runs.
    pub change: Change,
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

/// How a new value of a setting takes effect while the server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A reload: new worker processes have it.
    Reload,
    /// A restart: it belongs to the listening sockets, or to the supervisor.
    Restart,
}

/// The section of a setting in every list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// The application, and its environ.
    Application,
    /// The addresses to listen on.
    Network,
    /// Worker processes and their supervisor.
    Processes,
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
    pub const ALL: [Self; 7] = [
        Self::Application,
        Self::Network,
        Self::Processes,
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
            Self::Processes => "Worker processes",
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
            Self::Processes => processes::ALL,
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
            change: match section {
                Section::Network => Change::Restart,
                _ => Change::Reload,
            },
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
