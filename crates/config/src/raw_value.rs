//! The untyped value that TOML, the environment, the command line and Python have in common.

use figment::value::{Empty, Num, Tag, Value as Merged};
use serde_json::{Value as Json, json};

use crate::path_text;

/// A value as it was written, or, once parsed, in canonical form: durations in milliseconds, sizes
/// in bytes.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing: Python's `None`.
    None,
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text.
    Text(String),
    /// Several values: a list, a tuple, or (unordered) a set.
    List(Vec<Self>),
}

impl Value {
    /// The value for a message: short, on one line, without control characters.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::None => "nothing".into(),
            Self::Bool(value) => format!("`{value}`"),
            Self::Int(value) => format!("`{value}`"),
            Self::Float(value) => format!("`{value:?}`"), // 8.0 is not 8
            Self::Text(text) => format!("`{}`", shortened(text)),
            Self::List(_) => "a list".into(),
        }
    }

    /// The value as JSON, without a unit.
    pub fn to_json(&self) -> Json {
        match self {
            Self::None => Json::Null,
            Self::Bool(value) => json!(value),
            Self::Int(number) => json!(number),
            Self::Float(number) => json!(number),
            Self::Text(text) => json!(text),
            Self::List(items) => items.iter().map(Self::to_json).collect(),
        }
    }
}

/// At most 60 characters of a text, with control characters escaped.
pub(crate) fn shortened(text: &str) -> String {
    const LONGEST: usize = 60; // what fits beside the rest of a message on one line
    let text = path_text::shown(text);
    let mut shown: String = text.chars().take(LONGEST).flat_map(escaped).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

fn escaped(character: char) -> impl Iterator<Item = char> {
    let escape = character.is_control().then(|| character.escape_default());
    let plain = escape.is_none().then_some(character);
    escape.into_iter().flatten().chain(plain)
}

impl From<&Value> for Merged {
    fn from(value: &Value) -> Self {
        match value {
            Value::None => Self::Empty(Tag::Default, Empty::None),
            Value::Bool(value) => Self::Bool(Tag::Default, *value),
            Value::Int(value) => Self::Num(Tag::Default, Num::I64(*value)),
            Value::Float(value) => Self::Num(Tag::Default, Num::F64(*value)),
            Value::Text(text) => Self::String(Tag::Default, text.clone()),
            Value::List(items) => Self::Array(Tag::Default, items.iter().map(Self::from).collect()),
        }
    }
}

impl From<&Merged> for Value {
    fn from(value: &Merged) -> Self {
        match value {
            Merged::Bool(_, value) => Self::Bool(*value),
            Merged::Num(_, Num::F64(value)) => Self::Float(*value),
            Merged::Num(_, number) => number
                .to_i128()
                .and_then(|number| i64::try_from(number).ok())
                .map_or(Self::None, Self::Int),
            Merged::String(_, text) => Self::Text(text.clone()),
            Merged::Char(_, character) => Self::Text(character.to_string()),
            Merged::Array(_, items) => Self::List(items.iter().map(Self::from).collect()),
            Merged::Empty(..) | Merged::Dict(..) => Self::None,
        }
    }
}
