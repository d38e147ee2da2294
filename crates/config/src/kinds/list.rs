//! Lists: listening addresses, proxies, field names, paths, sockets.

use std::borrow::Cow;
use std::path::Path;

use serde_json::{Value as Json, json};

use super::address::ADDRESS;
use super::{InvalidValue, Rules, Syntax, absolute_address, one_of, text_of};
use crate::raw_value::{Value, shortened};
use crate::suggestion::nearest;
use crate::values::{DEFAULT_PORT, Endpoint, ProxyHeader, TrustedProxies};

/// The words of a text, or of each text in a list.
fn words(
    value: &Value,
    syntax: Syntax,
    wanted: &str,
    is_separator: impl Fn(char) -> bool,
) -> Result<Vec<String>, InvalidValue> {
    let items = match value {
        Value::None => &[],
        Value::List(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut words = Vec::new();
    for item in items {
        let text = text_of(item, syntax)
            .map_err(|invalid| InvalidValue { wanted: wanted.into(), ..invalid })
            .map_err(|invalid| invalid.given(item.shown()))?;
        words.extend(text.split(&is_separator).map(str::to_owned));
    }
    words.retain(|word| !word.is_empty());
    Ok(words)
}

fn list(words: Vec<String>) -> Value {
    Value::List(words.into_iter().map(Value::Text).collect())
}

/// The invalid value for one word of a list.
fn wrong(wanted: &str, word: &str, hint: impl Into<String>) -> InvalidValue {
    InvalidValue::wants(wanted).hinting(hint).given(format!("`{}`", shortened(word)))
}

/// The type of a list of words for Python: one text may have several.
const TEXTS: &str = "str | Iterable[str]";

/// A text with words, or a list of texts.
fn schema_of_texts() -> Json {
    json!({ "oneOf": [
        { "type": "string" }, { "type": "array", "items": { "type": "string" } }
    ] })
}

/// Paths of directories. White space belongs to a path; in one text, they are separated as in
/// `PATH`.
pub(super) struct Paths;

/// The separator of directories in one text: on Windows, a path contains a colon.
const BETWEEN_FOLDERS: char = if cfg!(windows) { ';' } else { ':' };

impl Rules for Paths {
    fn parse(&self, value: &Value, syntax: Syntax) -> Result<Value, InvalidValue> {
        let is_list = matches!(value, Value::List(_));
        let is_separator = |c: char| !is_list && c == BETWEEN_FOLDERS;
        words(value, syntax, &self.wanted(), is_separator).map(list)
    }

    fn wanted(&self) -> String {
        "directories".into()
    }

    fn placeholder(&self) -> Cow<'static, str> {
        "DIRECTORY".into()
    }

    fn description(&self) -> String {
        "list of directories; in a variable separated by `:`, on Windows by `;`".into()
    }

    fn schema(&self) -> Json {
        schema_of_texts()
    }

    fn accumulates(&self) -> bool {
        true
    }

    fn python_type(&self) -> Cow<'static, str> {
        "str | os.PathLike[str] | Iterable[str | os.PathLike[str]]".into()
    }
}

/// Addresses to listen on. White space separates them, as in Waitress.
pub(super) struct Addresses;

impl Rules for Addresses {
    fn parse(&self, value: &Value, syntax: Syntax) -> Result<Value, InvalidValue> {
        let words = words(value, syntax, ADDRESS, char::is_whitespace)?;
        for word in &words {
            Endpoint::parse(word, DEFAULT_PORT, 0).map_err(|hint| wrong(ADDRESS, word, hint))?;
        }
        Ok(list(words))
    }

    fn absolute(&self, value: &Value, directory: &Path) -> Value {
        match value {
            Value::List(addresses) => {
                let absolute = addresses.iter().map(|one| absolute_address(one, directory));
                Value::List(absolute.collect())
            }
            other => other.clone(),
        }
    }

    fn wanted(&self) -> String {
        ADDRESS.into()
    }

    fn placeholder(&self) -> Cow<'static, str> {
        "ADDRESS".into()
    }

    fn description(&self) -> String {
        format!("list of {ADDRESS}")
    }

    fn schema(&self) -> Json {
        schema_of_texts()
    }

    fn accumulates(&self) -> bool {
        true
    }

    fn python_type(&self) -> Cow<'static, str> {
        TEXTS.into()
    }
}

/// Addresses and networks of proxies. A repeated flag replaces them, as in Waitress: a second flag
/// must not extend who is trusted. They cannot contain a comma, so commas separate them, too.
pub(super) struct Proxies;

impl Rules for Proxies {
    fn parse(&self, value: &Value, syntax: Syntax) -> Result<Value, InvalidValue> {
        let wanted = self.wanted();
        let words = words(value, syntax, &wanted, |c| c.is_whitespace() || c == ',')?;
        for word in &words {
            TrustedProxies::parse([word.as_str()]).map_err(|hint| wrong(&wanted, word, hint))?;
        }
        TrustedProxies::parse(words.iter().map(String::as_str))
            .map_err(|hint| wrong(&wanted, &words.join(" "), hint))?;
        Ok(list(words))
    }

    fn wanted(&self) -> String {
        "an address, a network, `localhost` or `*`".into()
    }

    fn placeholder(&self) -> Cow<'static, str> {
        "ADDRESS|NETWORK".into()
    }

    fn description(&self) -> String {
        "list of addresses and networks".into()
    }

    fn schema(&self) -> Json {
        schema_of_texts()
    }

    fn python_type(&self) -> Cow<'static, str> {
        TEXTS.into()
    }
}

/// Names of forwarding fields.
pub(super) struct FieldNames;

impl Rules for FieldNames {
    fn parse(&self, value: &Value, syntax: Syntax) -> Result<Value, InvalidValue> {
        let wanted = self.wanted();
        let mut words = words(value, syntax, &wanted, |c| c.is_whitespace() || c == ',')?;
        words.iter_mut().for_each(|word| word.make_ascii_lowercase());
        let names = ProxyHeader::ALL.map(ProxyHeader::name);
        if let Some(word) = words.iter().find(|word| !names.contains(&word.as_str())) {
            return Err(match nearest(word, names) {
                Some(right) => wrong(&wanted, word, format!("did you mean `{right}`?")),
                None => wrong(&wanted, word, format!("write {}", one_of(&names))),
            });
        }
        let forwarded = words.iter().any(|word| word == "forwarded");
        if forwarded && words.iter().any(|word| word != "forwarded") {
            let hint = "`forwarded` cannot be combined with the others";
            return Err(wrong(&wanted, &words.join(" "), hint));
        }
        Ok(list(words))
    }

    fn wanted(&self) -> String {
        "names of forwarding fields".into()
    }

    fn placeholder(&self) -> Cow<'static, str> {
        "NAMES".into()
    }

    fn description(&self) -> String {
        "list of header field names".into()
    }

    fn schema(&self) -> Json {
        schema_of_texts()
    }

    fn python_type(&self) -> Cow<'static, str> {
        TEXTS.into()
    }
}

/// Paths of URLs.
pub(super) struct UrlPaths;

impl Rules for UrlPaths {
    fn parse(&self, value: &Value, syntax: Syntax) -> Result<Value, InvalidValue> {
        let wanted = self.wanted();
        let words = words(value, syntax, &wanted, char::is_whitespace)?;
        match words.iter().find(|word| !word.starts_with('/')) {
            Some(word) => Err(wrong(&wanted, word, format!("write `/{}`", shortened(word)))),
            None => Ok(list(words)),
        }
    }

    fn wanted(&self) -> String {
        "paths, such as `/healthz`".into()
    }

    fn placeholder(&self) -> Cow<'static, str> {
        "PATH".into()
    }

    fn description(&self) -> String {
        "list of URL paths".into()
    }

    fn schema(&self) -> Json {
        schema_of_texts()
    }

    fn accumulates(&self) -> bool {
        true
    }

    fn python_type(&self) -> Cow<'static, str> {
        TEXTS.into()
    }
}

/// Bound sockets, as descriptors.
pub(super) struct Descriptors;

impl Rules for Descriptors {
    fn parse(&self, value: &Value, _: Syntax) -> Result<Value, InvalidValue> {
        let is_descriptor = |item: &Value| match item {
            Value::Int(number) => i32::try_from(*number).is_ok_and(|number| number >= 0),
            _ => false,
        };
        match value {
            Value::None => Ok(Value::List(Vec::new())),
            Value::List(items) if items.iter().all(is_descriptor) => Ok(value.clone()),
            _ => Err(InvalidValue::wants(self.wanted())),
        }
    }

    fn wanted(&self) -> String {
        "a list of sockets".into()
    }

    fn placeholder(&self) -> Cow<'static, str> {
        "SOCKETS".into()
    }

    fn description(&self) -> String {
        "list of sockets".into()
    }

    fn python_type(&self) -> Cow<'static, str> {
        "Iterable[socket.socket | int]".into()
    }
}
