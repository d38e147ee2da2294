//! The JSON Schema of the settings file. It uses draft-07, the newest draft that every TOML editor
//! supports.

use serde_json::{Map, Value as Json, json};

use crate::declaration::{Kind, Setting, Zero, settings};
use crate::load::defaults;
use crate::to_toml;

/// The schema, ending in a newline.
pub fn schema() -> String {
    let written = || settings().filter(|setting| setting.is_written());
    let mut properties: Map<String, Json> =
        written().map(|setting| (setting.name.to_owned(), property(setting))).collect();
    for setting in written().filter(|setting| setting.name.contains('-')) {
        properties.insert(
            setting.keyword(),
            json!({
                "allOf": [{ "$ref": format!("#/properties/{}", setting.name) }],
                "description": format!("The same as `{}`.", setting.name),
            }),
        );
    }
    let excluded = [
        ["listen", "host"],
        ["listen", "port"],
        ["listen", "unix-socket"],
        ["unix-socket", "host"],
        ["unix-socket", "port"],
    ];
    let excluded: Vec<Json> = excluded.iter().map(|pair| json!({ "required": pair })).collect();
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Settings of Maitred",
        "description": "maitred.toml, or [tool.maitred] in pyproject.toml",
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
        "not": { "anyOf": excluded },
    });
    format!("{schema:#}\n")
}

fn property(setting: &Setting) -> Json {
    let mut property = shape(setting.kind);
    if let Some(fields) = property.as_object_mut() {
        fields.insert("description".into(), json!(setting.help));
        let defaults = defaults();
        let default = defaults.get(setting).and_then(|entry| to_toml::json(setting, &entry.value));
        if let Some(default) = default {
            fields.insert("default".into(), default);
        }
    }
    property
}

fn shape(kind: Kind) -> Json {
    const TIME: &str = r"^[0-9]+(\.[0-9]+)? ?(ms|s|m|h)?$";
    const SIZE: &str = r"^[0-9]+(\.[0-9]+)? ?([KkMmGgTt]?[Ii]?[Bb])?$";
    match kind {
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Count { least, most, .. } => {
            json!({ "type": "integer", "minimum": least, "maximum": most })
        }
        Kind::Threads => {
            json!({ "oneOf": [{ "type": "integer", "minimum": 1 }, { "const": "auto" }] })
        }
        Kind::Duration(Zero::Refused) => json!({ "oneOf": [
            { "type": "number", "exclusiveMinimum": 0 }, { "type": "string", "pattern": TIME }
        ] }),
        Kind::Duration(_) => json!({ "oneOf": [
            { "type": "number", "minimum": 0 }, { "type": "string", "pattern": TIME }
        ] }),
        Kind::Size { least } => json!({ "oneOf": [
            { "type": "integer", "minimum": least }, { "type": "string", "pattern": SIZE }
        ] }),
        Kind::Mode => json!({ "oneOf": [
            { "type": "string", "pattern": "^(0o)?[0-7]{1,3}$" },
            { "type": "integer", "minimum": 0, "maximum": 0o777 }
        ] }),
        Kind::Choice(words) => json!({ "enum": words }),
        Kind::Endpoints | Kind::Proxies | Kind::ProxyHeaders | Kind::UrlPaths | Kind::Paths => {
            json!({ "oneOf": [
                { "type": "string" }, { "type": "array", "items": { "type": "string" } }
            ] })
        }
        Kind::Text(_)
        | Kind::Prefix
        | Kind::Path
        | Kind::SocketPath
        | Kind::Host
        | Kind::Endpoint
        | Kind::AccessLogFormat
        | Kind::Application
        | Kind::Descriptors => json!({ "type": "string" }),
    }
}
