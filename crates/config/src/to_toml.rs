//! Writes values in the syntax of the settings file, or as JSON.

use serde_json::{Value as Json, json};

use crate::declaration::{Kind, Setting};
use crate::raw_value::Value;
use crate::values::quantity::{write_duration, write_size};

/// The right-hand side of `name = …` in TOML; `None` if the setting is unset.
pub(crate) fn toml(setting: &Setting, value: &Value) -> Option<String> {
    json(setting, value).map(|value| toml_of(&value))
}

/// A canonical value as JSON; `None` if the setting is unset. Durations and sizes have a unit.
pub(crate) fn json(setting: &Setting, value: &Value) -> Option<Json> {
    let written = match (setting.kind, value) {
        // `ident`, which has a default: empty text unsets it.
        (Kind::Text(_), Value::None) if setting.default.is_some() => json!(""),
        (_, Value::None) => return None,
        (Kind::Duration(_), Value::Int(0)) => json!(0),
        (Kind::Duration(_), Value::Int(milliseconds)) => json!(write_duration(*milliseconds)),
        (Kind::Size { .. }, Value::Int(bytes)) if bytes % 1024 == 0 && *bytes > 0 => {
            json!(write_size(*bytes))
        }
        (Kind::Mode, Value::Int(mode)) => json!(format!("{mode:o}")),
        (_, Value::Bool(value)) => json!(value),
        (_, Value::Int(number)) => json!(number),
        (_, Value::Float(number)) => json!(number),
        (_, Value::Text(text)) => json!(text),
        (_, Value::List(items)) => {
            let items: Vec<Json> = items.iter().filter_map(|item| json(setting, item)).collect();
            if items.is_empty() && setting.default.is_none() {
                return None;
            }
            Json::Array(items)
        }
    };
    Some(written)
}

/// A JSON value as TOML; strings are escaped differently.
pub(crate) fn toml_of(value: &Json) -> String {
    match value {
        Json::String(text) => ::toml::Value::String(text.clone()).to_string(),
        Json::Array(items) => {
            let items: Vec<String> = items.iter().map(toml_of).collect();
            format!("[{}]", items.join(", "))
        }
        other => other.to_string(),
    }
}
