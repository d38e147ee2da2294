//! Texts: single lines, paths, and the names of what to load.

use std::borrow::Cow;

use super::{InvalidValue, PATH_OR_TEXT, Rules, Syntax, text_of};
use crate::raw_value::Value;
use crate::values::AccessLogFormat;

/// One line of ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The meaning of empty text.
    pub empty: Empty,
}

/// The meaning of an empty text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Empty {
    /// It is an error.
    Refused,
    /// The setting is unset.
    Unset,
}

impl Rules for Line {
    /// The text is used in a header field (RFC 9110 §5.5) and in the environ, whose strings hold
    /// latin-1 (PEP 3333). Only visible ASCII and spaces have the same meaning in both.
    fn parse(&self, value: &Value, syntax: Syntax) -> Result<Value, InvalidValue> {
        let text = text_of(value, syntax)?;
        if text.is_empty() {
            return match self.empty {
                Empty::Unset => Ok(Value::None),
                Empty::Refused => Err(InvalidValue::wants("text that is not empty")),
            };
        }
        if text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
            return Ok(Value::Text(text));
        }
        Err(InvalidValue::wants("text in ASCII, on one line"))
    }

    fn wanted(&self) -> String {
        "text".into()
    }

    fn placeholder(&self) -> Cow<'static, str> {
        "TEXT".into()
    }

    fn description(&self) -> String {
        "text".into()
    }

    fn may_be_empty(&self) -> bool {
        self.empty == Empty::Unset
    }
}

/// A URL path with a leading slash and no trailing slash, or empty text.
pub(super) struct Prefix;

impl Rules for Prefix {
    fn parse(&self, value: &Value, syntax: Syntax) -> Result<Value, InvalidValue> {
        let text = text_of(value, syntax)?;
        let trimmed = text.trim_matches('/');
        if trimmed.contains(['?', '#']) || trimmed.chars().any(char::is_control) {
            return Err(InvalidValue::wants(self.wanted()));
        }
        let prefix = if trimmed.is_empty() { String::new() } else { format!("/{trimmed}") };
        Ok(Value::Text(prefix))
    }

    fn wanted(&self) -> String {
        "a path, such as `/app`".into()
    }

    fn placeholder(&self) -> Cow<'static, str> {
        "PREFIX".into()
    }

    fn description(&self) -> String {
        "URL path".into()
    }

    fn may_be_empty(&self) -> bool {
        true
    }
}

/// What names standard output where a path is expected.
const STANDARD_OUTPUT: &str = "-";

/// The path of a file or directory.
pub(super) struct Path;

impl Rules for Path {
    fn parse(&self, value: &Value, syntax: Syntax) -> Result<Value, InvalidValue> {
        let text = text_of(value, syntax)?;
        Ok(if text.is_empty() { Value::None } else { Value::Text(text) })
    }

    fn absolute(&self, value: &Value, directory: &std::path::Path) -> Value {
        match value {
            Value::Text(path) if path != STANDARD_OUTPUT => {
                Value::Text(super::absolute(path, directory))
            }
            other => other.clone(),
        }
    }

    fn wanted(&self) -> String {
        "text".into()
    }

    fn placeholder(&self) -> Cow<'static, str> {
        "PATH".into()
    }

    fn description(&self) -> String {
        "path".into()
    }

    fn python_type(&self) -> Cow<'static, str> {
        PATH_OR_TEXT.into()
    }
}

/// A format of access log lines.
pub(super) struct AccessLogPattern;

impl Rules for AccessLogPattern {
    fn parse(&self, value: &Value, syntax: Syntax) -> Result<Value, InvalidValue> {
        let text = text_of(value, syntax)?;
        match AccessLogFormat::parse(&text) {
            Ok(_) => Ok(Value::Text(text)),
            Err(Some(hint)) => Err(InvalidValue::wants(self.wanted()).hinting(hint)),
            Err(None) => Err(InvalidValue::wants(self.wanted())),
        }
    }

    fn wanted(&self) -> String {
        "`common`, `combined`, `console`, `json` or a pattern such as `%(h)s %(r)s`".into()
    }

    fn placeholder(&self) -> Cow<'static, str> {
        "FORMAT".into()
    }

    fn description(&self) -> String {
        "`common`, `combined`, `console`, `json` or a pattern".into()
    }
}

/// The application to load.
pub(super) struct Application;

impl Rules for Application {
    fn parse(&self, value: &Value, syntax: Syntax) -> Result<Value, InvalidValue> {
        let text = text_of(value, syntax)?;
        let wants = InvalidValue::wants(self.wanted());
        if text.is_empty() {
            return Ok(Value::None);
        }
        let module = text.split_once(':').map_or(text.as_str(), |(module, _)| module);
        if let Some(stem) = module.strip_suffix(".py") {
            let stem = stem.replace('\\', "/");
            let module = stem.trim_start_matches("./").replace('/', ".");
            return Err(wants.hinting(format!(
                "name the module: `{module}` for its `application` or `app`, or `{module}:attribute`"
            )));
        }
        if let Some(hint) = port_hint(&text) {
            return Err(wants.hinting(hint));
        }
        if module.contains('-') && is_module(&module.replace('-', "_")) {
            let renamed = module.replace('-', "_");
            let right = text.replacen(module, &renamed, 1);
            return Err(wants.hinting(format!(
                "the name of a module has no `-`: rename it to `{renamed}`, and write `{right}`"
            )));
        }
        if !is_module(module) || text.ends_with(':') {
            return Err(wants);
        }
        Ok(Value::Text(text))
    }

    fn wanted(&self) -> String {
        "an application, such as `module:attribute`".into()
    }

    fn placeholder(&self) -> Cow<'static, str> {
        "MODULE:ATTRIBUTE".into()
    }

    fn description(&self) -> String {
        "`module:attribute`".into()
    }
}

/// A Python module.
pub(super) struct Module;

impl Rules for Module {
    fn parse(&self, value: &Value, syntax: Syntax) -> Result<Value, InvalidValue> {
        let text = text_of(value, syntax)?;
        if text.is_empty() {
            return Ok(Value::None);
        }
        let wants = InvalidValue::wants(self.wanted());
        if let Some((module, _)) = text.split_once(':') {
            return Err(wants.hinting(format!("name the module only: `{module}`")));
        }
        if let Some(stem) = text.strip_suffix(".py") {
            let module = stem.trim_start_matches("./").replace(['/', '\\'], ".");
            return Err(wants.hinting(format!("name the module without `.py`: `{module}`")));
        }
        if is_module(&text) { Ok(Value::Text(text)) } else { Err(wants) }
    }

    fn wanted(&self) -> String {
        "a module, such as `project.hooks`".into()
    }

    fn placeholder(&self) -> Cow<'static, str> {
        "MODULE".into()
    }

    fn description(&self) -> String {
        "module".into()
    }
}

/// What is correct for a port number in place of an application; `None` for anything else.
pub(crate) fn port_hint(text: &str) -> Option<String> {
    let port = text.strip_prefix(':').unwrap_or(text).parse::<u16>().ok()?;
    Some(format!("for the port, write `--port={port}`"))
}

/// Whether text may name a module: identifiers with dots.
fn is_module(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.')
}
