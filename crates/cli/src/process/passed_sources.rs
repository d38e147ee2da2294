//! What a supervisor passes on of the sources of settings: a worker process gets exactly what its
//! supervisor has read, and its messages name the same origins.

use std::path::PathBuf;

use maitred_config::{Found, FoundApplication, Value, path_text};
use serde_json::{Value as Json, json};

use crate::process::sources::{CommandLine, SourceTexts};

impl SourceTexts {
    /// Reads them again: the files may have changed. An application that was found stays the one,
    /// also while its file has a syntax error.
    pub(crate) fn read_again(&self) -> Self {
        let again = Self::read(self.line.clone(), self.keywords.clone());
        Self { found: self.found.clone(), ..again }
    }

    /// The settings file that was read, if there is one.
    pub(crate) fn settings_file(&self) -> Option<PathBuf> {
        let (path, contents) = self.file.as_ref()?;
        let path = path_text::to_path(path);
        contents.as_ref().ok()?;
        Some(self.directory.as_ref().map_or_else(|| path.clone(), |folder| folder.join(&path)))
    }

    /// For a worker process. Only settings that have been loaded are passed on, so the file is
    /// UTF-8.
    pub(crate) fn to_json(&self) -> Json {
        let keywords: Vec<_> =
            self.keywords.iter().map(|(name, value)| json!([name, value.to_json()])).collect();
        let file = self.file.as_ref().and_then(|(path, contents)| {
            Some(json!([path, String::from_utf8_lossy(contents.as_ref().ok()?)]))
        });
        let found: Vec<_> =
            self.found.applications.iter().map(|one| json!([one.name, one.reason])).collect();
        json!({
            "arguments": self.line.as_ref().map(|line| &line.arguments),
            "application_from": self.line.as_ref().and_then(|line| line.application_from.as_ref()),
            "keywords": keywords,
            "environment": self.environment,
            "file": file,
            "found": found,
            "cpus": self.cpus,
            "directory": self.directory.as_ref().map(|it| path_text::from_os(it.as_os_str())),
        })
    }

    /// What a supervisor has passed on; `None` if it is not that.
    pub(crate) fn from_json(json: &Json) -> Option<Self> {
        let text = |json: &Json| json.as_str().map(str::to_owned);
        let line = match &json["arguments"] {
            Json::Null => None,
            list => Some(CommandLine {
                arguments: list.as_array()?.iter().map(text).collect::<Option<_>>()?,
                application_from: text(&json["application_from"]),
            }),
        };
        let keyword = |pair: &Json| Some((text(&pair[0])?, value_from_json(&pair[1])?));
        let keywords = json["keywords"].as_array()?.iter().map(keyword).collect::<Option<_>>()?;
        let variable = |pair: &Json| Some((text(&pair[0])?, text(&pair[1])?));
        let environment =
            json["environment"].as_array()?.iter().map(variable).collect::<Option<_>>()?;
        let file = match &json["file"] {
            Json::Null => None,
            pair => Some((text(&pair[0])?, Ok(text(&pair[1])?.into_bytes()))),
        };
        let application =
            |pair: &Json| Some(FoundApplication { name: text(&pair[0])?, reason: text(&pair[1])? });
        let cpus = usize::try_from(json["cpus"].as_u64()?).ok()?;
        let directory = json["directory"].as_str().map(path_text::to_path);
        let found = json["found"].as_array()?.iter().map(application).collect::<Option<_>>()?;
        let found = Found { applications: found, nearby: Vec::new() };
        Some(Self { line, keywords, environment, file, found, cpus, directory })
    }
}

fn value_from_json(json: &Json) -> Option<Value> {
    Some(match json {
        Json::Null => Value::None,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match number.as_i64() {
            Some(number) => Value::Int(number),
            None => Value::Float(number.as_f64()?),
        },
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(items) => {
            Value::List(items.iter().map(value_from_json).collect::<Option<_>>()?)
        }
        Json::Object(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_gets_what_its_supervisor_has_read() {
        pyo3::Python::initialize(); // whose encoding paths have
        let texts = SourceTexts {
            line: Some(CommandLine {
                arguments: vec!["--threads=3".into(), "shop:app".into()],
                application_from: Some("Django's setting WSGI_APPLICATION".into()),
            }),
            keywords: vec![
                ("listen".into(), Value::List(vec![Value::Text("*:80".into()), Value::Int(-1)])),
                ("backlog".into(), Value::Float(1.5)),
                ("ident".into(), Value::None),
                ("ipv6".into(), Value::Bool(true)),
            ],
            environment: vec![("MAITRED_HOST".into(), "127.0.0.1".into())],
            file: Some(("maitred.toml".into(), Ok(b"threads = 2\n".to_vec()))),
            found: Found {
                applications: vec![FoundApplication {
                    name: "app:app".into(),
                    reason: "`app.py` has `app`".into(),
                }],
                nearby: Vec::new(),
            },
            cpus: 2,
            directory: Some(path_text::to_path("/srv/caf\u{10ffe9}")),
        };
        let passed = SourceTexts::from_json(&texts.to_json()).unwrap();
        assert_eq!(format!("{passed:?}"), format!("{texts:?}"));
        let file = passed.sources().file.unwrap();
        assert_eq!(file.contents.unwrap(), b"threads = 2\n");
        assert!(SourceTexts::from_json(&json!({ "arguments": 1 })).is_none());
    }
}
