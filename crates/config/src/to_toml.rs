//! Writes values in the syntax of the settings file, or as JSON.

use serde_json::{Value as Json, json};

use crate::declaration::Setting;
use crate::raw_value::Value;

/// The right-hand side of `name = …` in TOML; `None` if the setting is unset.
pub(crate) fn toml(setting: &Setting, value: &Value) -> Option<String> {
    json(setting, value).map(|value| toml_of(&value))
}

/// A canonical value as JSON; `None` if the setting is unset. Durations and sizes have a unit.
pub(crate) fn json(setting: &Setting, value: &Value) -> Option<Json> {
    match value {
        // `ident`, which has a default: empty text unsets it.
        Value::None if setting.default.is_some() && setting.kind.rules().may_be_empty() => {
            Some(json!(""))
        }
        Value::None => None,
        Value::List(items) if items.is_empty() && setting.default.is_none() => None,
        value => Some(setting.kind.rules().to_json(value)),
    }
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
