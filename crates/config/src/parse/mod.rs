//! Parses a value according to its declaration, or says what would be correct.
//!
//! There are three syntaxes. TOML has types: a number in quotes is an error. The
//! environment and the command line have only text. Python keywords and PasteDeploy accept what
//! Waitress casts: `"5"` for 5, 8080.7 for 8080, `"yes"` for true.

mod lists;

use self::lists::{descriptors, list};
use crate::declaration::{Empty, Kind, Setting, Zero};
use crate::raw_value::Value;
use crate::values::quantity::{milliseconds, parse_duration, parse_size};
use crate::values::{AccessLogFormat, DEFAULT_PORT, Endpoint, HostName, check_socket_path};

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

/// Parses a value into its canonical form. `Value::None` unsets the setting.
pub(crate) fn read(
    setting: &Setting,
    value: &Value,
    syntax: Syntax,
) -> Result<Value, InvalidValue> {
    if setting.is_address() && is_blank(value) {
        let wanted = if setting.kind == Kind::SocketPath { SOCKET_PATH } else { ENDPOINT };
        return Err(InvalidValue::wants(wanted).hinting("leave it out to use `host` and `port`"));
    }
    match setting.kind {
        Kind::Flag => flag(value, syntax),
        Kind::Count { least, most, .. } => number(value, syntax, least, most, &wanted(setting)),
        Kind::Threads => match value {
            Value::Text(text) if text.trim() == "auto" => Ok(Value::Text("auto".into())),
            _ => number(value, syntax, 1, MOST_THREADS, &wanted(setting)),
        },
        Kind::Duration(zero) => duration(value, zero, &wanted(setting)),
        Kind::Size { least } => size(value, syntax, least, &wanted(setting)),
        Kind::Mode => mode(value),
        Kind::Text(empty) => match text(value, syntax)? {
            text if !text.is_empty() => single_line(text),
            _ if empty == Empty::Unset => Ok(Value::None),
            _ => Err(InvalidValue::wants("text that is not empty")),
        },
        Kind::Prefix => prefix(&text(value, syntax)?),
        Kind::Path => Ok(path(text(value, syntax)?)),
        Kind::SocketPath => socket_path(text(value, syntax)?),
        Kind::Application => application(text(value, syntax)?),
        Kind::Choice(words) => choice(&text(value, syntax)?, words),
        Kind::AccessLogFormat => access_log_format(text(value, syntax)?),
        Kind::Host => {
            let host = text(value, syntax)?;
            HostName::parse(&host)
                .map(|host| Value::Text(host.to_string()))
                .map_err(|hint| InvalidValue::wants("a host name or an address").hinting(hint))
        }
        Kind::Endpoint => match text(value, syntax)? {
            text if text.is_empty() => Ok(Value::None),
            text => endpoint(&text).map(|()| Value::Text(text)),
        },
        Kind::Endpoints | Kind::Proxies | Kind::ProxyHeaders | Kind::UrlPaths | Kind::Paths => {
            list(setting.kind, value, syntax)
        }
        Kind::Descriptors => descriptors(value),
    }
}

/// The maximum number of threads: each has a stack, and they share one GIL.
const MOST_THREADS: i64 = 4096;

/// Completes "must be …" for the kinds that are a range.
pub(crate) fn wanted(setting: &Setting) -> String {
    match setting.kind {
        Kind::Flag => "true or false".into(),
        Kind::Count { least, most: 65_536.., .. } => format!("a whole number of at least {least}"),
        Kind::Count { least, most, .. } => format!("a whole number from {least} to {most}"),
        Kind::Threads => "a whole number of at least 1, or `auto`".into(),
        Kind::Duration(Zero::Refused) => "a time above 0: seconds, or `500ms`, `30s`, `5m`".into(),
        Kind::Duration(_) => "a time: seconds, or `500ms`, `30s`, `5m`".into(),
        Kind::Size { least } if least > 0 => {
            format!("a size of at least {least}: bytes, or `64KiB`, `10MB`")
        }
        Kind::Size { .. } => "a size: bytes, or `64KiB`, `10MB`".into(),
        Kind::Mode => MODE.into(),
        Kind::Choice(words) => one_of(words),
        _ => "text".into(),
    }
}

fn one_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => quoted.concat(),
    }
}

fn flag(value: &Value, syntax: Syntax) -> Result<Value, InvalidValue> {
    let wants = InvalidValue::wants("true or false");
    let word = match (value, syntax) {
        (Value::Bool(_), _) => return Ok(value.clone()),
        (Value::None, Syntax::Cast) => return Ok(Value::Bool(false)),
        (Value::Int(number), Syntax::Cast) => number.to_string(),
        (Value::Text(text), _) => text.trim().to_ascii_lowercase(),
        _ => return Err(wants),
    };
    let read = match word.as_str() {
        "true" | "yes" | "on" | "1" | "t" | "y" => true,
        "false" | "no" | "off" | "0" | "f" | "n" => false,
        "" | "none" if syntax == Syntax::Cast => false,
        _ => return Err(wants),
    };
    if syntax == Syntax::Typed {
        return Err(wants.hinting(format!("write `{read}` without quotes")));
    }
    Ok(Value::Bool(read))
}

fn number(
    value: &Value,
    syntax: Syntax,
    least: i64,
    most: i64,
    wanted: &str,
) -> Result<Value, InvalidValue> {
    let wants = || InvalidValue::wants(wanted);
    let read = match (value, syntax) {
        (Value::Int(number), _) => Some(*number),
        (Value::Bool(value), Syntax::Cast) => Some(i64::from(*value)),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "Python's int() truncates, and so do we"
        )]
        (Value::Float(number), Syntax::Cast) if number.is_finite() => Some(number.trunc() as i64),
        (Value::Text(text), _) => text.trim().parse().ok(),
        _ => None,
    };
    match read {
        Some(number) if syntax == Syntax::Typed && matches!(value, Value::Text(_)) => {
            Err(wants().hinting(format!("write `{number}` without quotes")))
        }
        Some(number) if (least..=most).contains(&number) => Ok(Value::Int(number)),
        Some(number) if number > most => Err(wants().hinting(format!("at most {most}"))),
        _ => Err(wants()),
    }
}

fn duration(value: &Value, zero: Zero, wanted: &str) -> Result<Value, InvalidValue> {
    let read = match value {
        #[expect(clippy::cast_precision_loss, reason = "the longest duration is far below 2^53")]
        Value::Int(seconds) => milliseconds(*seconds as f64),
        Value::Float(seconds) => milliseconds(*seconds),
        Value::Text(text) => parse_duration(text),
        _ => None,
    };
    match read {
        Some(0) if zero == Zero::Refused => Err(InvalidValue::wants(wanted)),
        Some(milliseconds) => Ok(Value::Int(milliseconds)),
        None => Err(InvalidValue::wants(wanted)),
    }
}

fn size(value: &Value, syntax: Syntax, least: i64, wanted: &str) -> Result<Value, InvalidValue> {
    let read = match value {
        Value::Int(bytes) => Some(*bytes),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "Python's int() truncates, and so do we"
        )]
        Value::Float(bytes) if syntax == Syntax::Cast && bytes.is_finite() => {
            Some(bytes.trunc() as i64)
        }
        Value::Text(text) => parse_size(text),
        _ => None,
    };
    match read {
        Some(bytes) if bytes >= least && usize::try_from(bytes).is_ok() => Ok(Value::Int(bytes)),
        _ => Err(InvalidValue::wants(wanted)),
    }
}

const MODE: &str = "permissions in octal digits, such as `660`";

/// Octal digits as text. A number is rejected: 600 would be a decimal number, whose permission bits
/// are not those of `600`.
fn mode(value: &Value) -> Result<Value, InvalidValue> {
    let wants = InvalidValue::wants(MODE);
    match value {
        Value::Text(text) => {
            let digits = text.trim();
            let digits = digits.strip_prefix("0o").unwrap_or(digits);
            match i64::from_str_radix(digits, 8) {
                Ok(mode) if (0..=0o777).contains(&mode) => Ok(Value::Int(mode)),
                _ => Err(wants),
            }
        }
        Value::Int(number) => Err(wants.hinting(format!("write \"{number}\" in quotes"))),
        _ => Err(wants),
    }
}

fn text(value: &Value, syntax: Syntax) -> Result<String, InvalidValue> {
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

/// Text that is used in a header field (RFC 9110 §5.5) and in the environ, whose strings hold
/// latin-1 (PEP 3333). Only visible ASCII and spaces have the same meaning in both.
fn single_line(text: String) -> Result<Value, InvalidValue> {
    if text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        return Ok(Value::Text(text));
    }
    Err(InvalidValue::wants("text in ASCII, on one line"))
}

fn prefix(text: &str) -> Result<Value, InvalidValue> {
    let trimmed = text.trim_matches('/');
    if trimmed.contains(['?', '#']) || trimmed.chars().any(char::is_control) {
        return Err(InvalidValue::wants("a path, such as `/app`"));
    }
    Ok(Value::Text(if trimmed.is_empty() { String::new() } else { format!("/{trimmed}") }))
}

/// Whether there is text, and nothing in it.
fn is_blank(value: &Value) -> bool {
    match value {
        Value::Text(text) => text.trim().is_empty(),
        Value::List(items) => !items.is_empty() && items.iter().all(is_blank),
        _ => false,
    }
}

fn path(text: String) -> Value {
    if text.is_empty() { Value::None } else { Value::Text(text) }
}

fn socket_path(text: String) -> Result<Value, InvalidValue> {
    let wants = || InvalidValue::wants(SOCKET_PATH);
    if let Some(path) = text.strip_prefix("unix:") {
        return Err(wants().hinting(format!("write `{path}`, without `unix:`")));
    }
    check_socket_path(&text).map_err(|hint| wants().hinting(hint))?;
    Ok(Value::Text(text))
}

fn application(text: String) -> Result<Value, InvalidValue> {
    let wants = InvalidValue::wants("an application, such as `module:attribute`");
    if text.is_empty() {
        return Ok(Value::None);
    }
    let module = text.split_once(':').map_or(text.as_str(), |(module, _)| module);
    if let Some(stem) = module.strip_suffix(".py") {
        let stem = stem.replace('\\', "/");
        let right = format!("{}:application", stem.trim_start_matches("./").replace('/', "."));
        return Err(wants.hinting(format!("name the module without `.py`: `{right}`")));
    }
    let is_module = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    if module.is_empty() || !module.chars().all(is_module) || text.ends_with(':') {
        return Err(wants);
    }
    Ok(Value::Text(text))
}

fn choice(text: &str, words: &[&str]) -> Result<Value, InvalidValue> {
    let mut word = text.to_ascii_lowercase();
    if word == "warn" && words.contains(&"warning") {
        word = "warning".to_owned();
    }
    if words.contains(&word.as_str()) {
        return Ok(Value::Text(word));
    }
    let invalid = InvalidValue::wants(one_of(words));
    Err(match crate::suggestion::nearest(&word, words.iter().copied()) {
        Some(right) => invalid.hinting(format!("did you mean `{right}`?")),
        None => invalid,
    })
}

fn access_log_format(text: String) -> Result<Value, InvalidValue> {
    let wants = "`common`, `combined`, `json` or a pattern such as `%(h)s %(r)s`";
    match AccessLogFormat::parse(&text) {
        Ok(_) => Ok(Value::Text(text)),
        Err(Some(hint)) => Err(InvalidValue::wants(wants).hinting(hint)),
        Err(None) => Err(InvalidValue::wants(wants)),
    }
}

const SOCKET_PATH: &str = "the path of a Unix socket";

const ENDPOINT: &str = "`host:port`, `unix:/path` or `fd://N`";

fn endpoint(text: &str) -> Result<(), InvalidValue> {
    Endpoint::parse(text, DEFAULT_PORT, 0)
        .map(drop)
        .map_err(|hint| InvalidValue::wants(ENDPOINT).hinting(hint))
}
