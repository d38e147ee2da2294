//! The file of `log-config`: a dictionary for Python's `logging.config`, as TOML or JSON.
//!
//! What it means, only Python knows. Here it is parsed, and a mistake in it gets its line.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value as Json};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::origin::{Location, SourceText};
use crate::problem::{Problem, Problems};

/// A parsed file.
#[derive(Clone, Debug)]
pub struct LoggingFile {
    source: Arc<SourceText>,
    syntax: FileSyntax,
    dictionary: Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FileSyntax {
    Toml,
    Json,
}

impl LoggingFile {
    /// Parses the text of a file, or reports why it could not be read. A file whose name does not end
    /// in `.toml` or `.json` is JSON if it begins with a brace.
    ///
    /// # Errors
    /// It cannot be read, or is neither.
    pub fn parse(path: &Path, contents: Result<String, String>) -> Result<Self, Problems> {
        let text = contents.map_err(|reason| {
            Problem::new(format!("cannot read `{}` of `log-config`: {reason}", path.display()))
        })?;
        let syntax = match path.extension().and_then(|extension| extension.to_str()) {
            Some("toml") => FileSyntax::Toml,
            Some("json") => FileSyntax::Json,
            _ if text.trim_start().starts_with('{') => FileSyntax::Json,
            _ => FileSyntax::Toml,
        };
        let source = Arc::new(SourceText { path: path.to_string_lossy().into_owned(), text });
        let dictionary = match syntax {
            FileSyntax::Toml => toml(&source),
            FileSyntax::Json => json(&source),
        }?;
        Ok(Self { source, syntax, dictionary })
    }

    /// Its content.
    pub const fn dictionary(&self) -> &Json {
        &self.dictionary
    }

    /// The problem that Python has with the value that these keys lead to, one within the other.
    pub fn problem(&self, message: &str, keys: &[String]) -> Problems {
        let text = &self.source.text;
        let span = match self.syntax {
            FileSyntax::Toml => toml_key(DeTable::parse_recoverable(text).0.get_ref(), keys),
            FileSyntax::Json => json_key(text, keys),
        };
        let location = Location::in_file(&self.source, span.unwrap_or(0..0));
        Problem::new(format!("`logging.config` says: {message}")).at(&location).into()
    }
}

fn toml(source: &Arc<SourceText>) -> Result<Json, Problems> {
    toml::from_str(&source.text).map_err(|error| {
        let location = Location::in_file(source, error.span().unwrap_or(0..0));
        let message = error.message().lines().next().unwrap_or_default();
        let problem = Problem::new(format!("not TOML: {message}")).at(&location);
        // What `logging.config.fileConfig` reads.
        let is_ini = source.text.lines().any(|line| line.trim() == "[loggers]");
        match is_ini {
            true => {
                problem.hinting("INI files of `logging` are not read: write a dictionary").into()
            }
            false => problem.into(),
        }
    })
}

fn json(source: &Arc<SourceText>) -> Result<Json, Problems> {
    let dictionary: Map<String, Json> = serde_json::from_str(&source.text).map_err(|error| {
        let line_start: usize = source
            .text
            .split_inclusive('\n')
            .take(error.line().saturating_sub(1))
            .map(str::len)
            .sum();
        let at = line_start + error.column().saturating_sub(1);
        // Its text ends with the place, which is told apart.
        let text = error.to_string();
        let message = text.split(" at line ").next().unwrap_or_default();
        let location = Location::in_file(source, at..at + 1);
        Problem::new(format!("not JSON: {message}")).at(&location)
    })?;
    Ok(Json::Object(dictionary))
}

/// Where the last of the keys stands.
fn toml_key(table: &DeTable<'_>, keys: &[String]) -> Option<Range<usize>> {
    let (first, rest) = keys.split_first()?;
    let is_it = |(key, _): &(&Spanned<_>, _)| {
        let key: &std::borrow::Cow<'_, str> = key.get_ref();
        key == first
    };
    let (key, value) = table.iter().find(is_it)?;
    let within = match value.get_ref() {
        DeValue::Table(inner) => toml_key(inner, rest),
        _ => None,
    };
    Some(within.unwrap_or_else(|| key.span()))
}

/// Where the last of the keys stands: each is looked for behind the one before.
fn json_key(text: &str, keys: &[String]) -> Option<Range<usize>> {
    let mut found = None;
    let mut from = 0;
    for key in keys {
        let quoted = Json::from(key.as_str()).to_string();
        let is_key = |(at, _): &(usize, &str)| {
            text[from + at + quoted.len()..].trim_start().starts_with(':')
        };
        let Some((at, _)) = text[from..].match_indices(&quoted).find(is_key) else { break };
        found = Some(from + at..from + at + quoted.len());
        from += at + quoted.len();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOML: &str = "version = 1\n[handlers.console]\nclass = \"x\"\n[root]\nlevel = \"LOUD\"\n";
    const JSON: &str = "{\"version\": 1,\n \"loggers\": {\"console\": {}},\n \"handlers\": {\n  \"console\" : {}}}";

    fn place(name: &str, text: &str, keys: &[&str]) -> String {
        let file = LoggingFile::parse(Path::new(name), Ok(text.into())).unwrap();
        let keys: Vec<String> = keys.iter().map(|key| (*key).into()).collect();
        let problems = file.problem("no", &keys);
        problems.iter().next().unwrap().origin().unwrap().to_string()
    }

    #[test]
    fn a_problem_points_at_its_key_or_the_last_that_is_there() {
        assert_eq!(place("log.toml", TOML, &["handlers", "console"]), "log.toml:2:11");
        assert_eq!(place("log.toml", TOML, &["root", "level"]), "log.toml:5:1");
        assert_eq!(place("log.toml", TOML, &["root", "handlers"]), "log.toml:4:2");
        assert_eq!(place("log.toml", TOML, &["filters"]), "log.toml:1:1");
        assert_eq!(place("log.json", JSON, &["handlers", "console"]), "log.json:4:3");
        assert_eq!(place("logging", JSON, &["loggers", "console"]), "logging:2:14");
    }

    #[test]
    fn a_file_that_is_neither_is_refused_with_its_line() {
        for (name, text, expected) in [
            ("a.toml", "version = \n", "not TOML: "),
            ("a.json", "{\"version\": 1,\n}", "not JSON: trailing comma (a.json:2:1)"),
            ("a.json", "[1]", "not JSON: invalid type: sequence, expected a map (a.json:1:"),
            ("a.conf", "[loggers]\nkeys=root\n", "INI files of `logging` are not read"),
        ] {
            let problems = LoggingFile::parse(Path::new(name), Ok(text.into())).unwrap_err();
            let problem = problems.iter().next().unwrap().to_string();
            assert!(problem.contains(expected), "{problem}");
        }
    }
}
