//! The kinds of values that settings have. Everything about a kind is in one place: how a value is
//! parsed, what a message says would be correct, and how help, schema and reference describe it.
//!
//! There are three ways to write a value. TOML has types: a number in quotes is an error. The
//! environment and the command line have only text. Python keywords and PasteDeploy accept what
//! Waitress casts: `"5"` for 5, 8080.7 for 8080, `"yes"` for true.

mod address;
mod choice;
mod list;
mod number;
mod quantity;
mod text;

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use crate::declaration::Setting;
use crate::path_text;
use crate::raw_value::Value;

pub use choice::Words;
pub use number::{Count, CountOrAuto};
pub use quantity::{Period, Size, SizeOrShare, Zero};
pub(crate) use text::port_hint;
pub use text::{Empty, Line};

/// The kind of a setting's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// True or false.
    Flag,
    /// A whole number.
    Count(Count),
    /// A whole number, or `auto`.
    CountOrAuto(CountOrAuto),
    /// A duration: seconds as a number, or `500ms`, `30s`, `5m`, `1h`.
    Duration(Period),
    /// A number of bytes, or `64KiB`, `10MB`.
    Size(Size),
    /// A number of bytes, or a percentage.
    SizeOrShare(SizeOrShare),
    /// File permissions in octal digits.
    Mode,
    /// Text.
    Text(Line),
    /// A URL path with a leading slash and no trailing slash, or empty text.
    Prefix,
    /// The path of a file or directory.
    Path,
    /// The path of a Unix socket.
    SocketPath,
    /// Paths of directories.
    Paths,
    /// One word of a fixed set.
    Choice(Words),
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
    /// A Python module.
    Module,
}

/// The rules of a kind.
pub(crate) trait Rules {
    /// Parses a value into its canonical form: durations in milliseconds, sizes in bytes.
    /// [`Value::None`] unsets the setting.
    fn parse(&self, value: &Value, syntax: Syntax) -> Result<Value, InvalidValue>;

    /// Completes "must be …".
    fn wanted(&self) -> String;

    /// The placeholder of the value in `--help`.
    fn placeholder(&self) -> Cow<'static, str>;

    /// The kind in the reference page.
    fn description(&self) -> String;

    /// The JSON Schema.
    fn schema(&self) -> Json {
        json!({ "type": "string" })
    }

    /// The type of the keyword for Python's type checkers.
    fn python_type(&self) -> Cow<'static, str> {
        "str".into()
    }

    /// A canonical value as it is written in a settings file, with its unit.
    fn to_json(&self, value: &Value) -> Json {
        value.to_json()
    }

    /// A canonical value for use by a Python program.
    fn plain(&self, value: &Value) -> Value {
        value.clone()
    }

    /// A canonical value with relative paths of the file system made absolute.
    fn absolute(&self, value: &Value, _directory: &Path) -> Value {
        value.clone()
    }

    /// Whether empty text is a value, although the setting has a default.
    fn may_be_empty(&self) -> bool {
        false
    }

    /// Whether a repeated flag adds values instead of replacing them.
    fn accumulates(&self) -> bool {
        false
    }
}

/// The type of a path for Python.
const PATH_OR_TEXT: &str = "str | os.PathLike[str]";

/// `path`, from `directory` on if it is relative, without `.` in it.
fn absolute(path: &str, directory: &Path) -> String {
    let joined: PathBuf = directory.join(path_text::to_path(path)).components().collect();
    path_text::from_os(joined.as_os_str())
}

/// The value of an address: only the path of a Unix socket can be relative.
fn absolute_address(value: &Value, directory: &Path) -> Value {
    match value {
        Value::Text(text) => match text.strip_prefix("unix:") {
            Some(path) => Value::Text(format!("unix:{}", absolute(path, directory))),
            None => value.clone(),
        },
        other => other.clone(),
    }
}

impl Kind {
    /// The rules of this kind.
    pub(crate) fn rules(&self) -> &dyn Rules {
        match self {
            Self::Flag => &number::Flag,
            Self::Count(kind) => kind,
            Self::CountOrAuto(kind) => kind,
            Self::Duration(kind) => kind,
            Self::Size(kind) => kind,
            Self::SizeOrShare(kind) => kind,
            Self::Mode => &number::Mode,
            Self::Text(kind) => kind,
            Self::Prefix => &text::Prefix,
            Self::Path => &text::Path,
            Self::SocketPath => &address::SocketPath,
            Self::Paths => &list::Paths,
            Self::Choice(kind) => kind,
            Self::Host => &address::Host,
            Self::Endpoint => &address::Address,
            Self::Endpoints => &list::Addresses,
            Self::Descriptors => &list::Descriptors,
            Self::Proxies => &list::Proxies,
            Self::ProxyHeaders => &list::FieldNames,
            Self::UrlPaths => &list::UrlPaths,
            Self::AccessLogFormat => &text::AccessLogPattern,
            Self::Application => &text::Application,
            Self::Module => &text::Module,
        }
    }
}

/// How values are written in a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Syntax {
    /// With types: TOML.
    Typed,
    /// As text: an environment, a command line, the declared defaults.
    Text,
    /// As Waitress casts it: the keywords of `serve()`, PasteDeploy.
    Cast,
}

/// Why a value is invalid: what would be correct, and a hint.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InvalidValue {
    /// Completes "must be …".
    pub(crate) wanted: String,
    /// The wrong part, if it is not the whole value.
    pub(crate) given: Option<String>,
    /// A hint that is shown below the value.
    pub(crate) hint: Option<String>,
}

impl InvalidValue {
    fn wants(wanted: impl Into<String>) -> Self {
        Self { wanted: wanted.into(), given: None, hint: None }
    }

    fn given(mut self, part: impl Into<String>) -> Self {
        self.given = Some(part.into());
        self
    }

    fn hinting(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Parses a value of a setting into its canonical form. [`Value::None`] unsets the setting.
pub(crate) fn parse(
    setting: &Setting,
    value: &Value,
    syntax: Syntax,
) -> Result<Value, InvalidValue> {
    let rules = setting.kind.rules();
    if is_blank(value) {
        if setting.is_address() {
            let invalid = InvalidValue::wants(rules.wanted()).given("empty text");
            return Err(invalid.hinting("leave it out to use `host` and `port`"));
        }
        if setting.default.is_none() && syntax != Syntax::Typed {
            return Ok(Value::None);
        }
    }
    rules.parse(value, syntax)
}

/// Whether there is text, and nothing in it.
fn is_blank(value: &Value) -> bool {
    match value {
        Value::Text(text) => text.trim().is_empty(),
        Value::List(items) => !items.is_empty() && items.iter().all(is_blank),
        _ => false,
    }
}

/// The text of a value, without white space around it.
fn text_of(value: &Value, syntax: Syntax) -> Result<String, InvalidValue> {
    match value {
        Value::Text(text) if text.contains('\0') => Err(InvalidValue::wants("text without NUL")),
        Value::Text(text) => Ok(text.trim().to_owned()),
        Value::None => Ok(String::new()),
        Value::Int(number) if syntax == Syntax::Cast => Ok(number.to_string()),
        Value::Float(number) if syntax == Syntax::Cast => Ok(number.to_string()),
        Value::Int(_) | Value::Float(_) | Value::Bool(_) => {
            Err(InvalidValue::wants("text").hinting("write it in quotes"))
        }
        Value::List(_) => Err(InvalidValue::wants("text")),
    }
}

/// `` `a`, `b` or `c` ``
fn one_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => quoted.concat(),
    }
}
