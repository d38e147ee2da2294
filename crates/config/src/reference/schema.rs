//! The JSON Schema of the settings file. It uses draft-07, the newest draft that every TOML editor
//! supports.

use serde_json::{Map, Value as Json, json};

use crate::declaration::{Setting, settings};
use crate::load::defaults;
use crate::to_toml;

/// The address of the schema in SchemaStore, from which editors know it by the name of the file.
const ID: &str = "https://json.schemastore.org/maitred.json";

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
        "$id": ID,
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
    let mut property = setting.kind.rules().schema();
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
