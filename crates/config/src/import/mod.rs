//! `config import`: the settings of another format as TOML.
//!
//! Projects that use Waitress have a PasteDeploy INI file, others YAML or JSON, those of gunicorn a
//! Python file or a command line, those of uWSGI an INI file of its own. Known settings are
//! printed as a settings file; everything else is listed, so that nothing is lost silently. The
//! `config` crate parses the formats; PasteDeploy's own rules are in [`paste`].

mod command_line;
mod gunicorn;
mod paste;
mod uwsgi;

use config::{File, FileFormat, Source, Value as Foreign, ValueKind};

use crate::declaration::{Section, find};
use crate::files::{Candidate, SettingsFile};
use crate::kinds::Syntax;
use crate::load::{Sources, load};
use crate::origin::Origin;
use crate::other_servers;
use crate::path_text;
use crate::problem::{Problem, Problems};
use crate::providers::Layer;
use crate::raw_value::{Value, shortened};
use crate::show::heading;
use crate::system::System;
use crate::to_toml;

/// A settings file made from another format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The settings file, with comments at its top about what was left out.
    pub toml: String,
    /// What was left out, one sentence each: lower case, no full stop.
    pub left_out: Vec<String>,
}

/// Names and values, sorted by name.
type Entries = Vec<(String, Value)>;

/// Reads a file of another format. The extension of its path selects the format: `.ini` or `.cfg`,
/// `.yaml` or `.yml`, `.json`.
///
/// # Errors
///
/// The format is not supported, the file cannot be parsed, or an INI file has no section of a server.
pub fn import(path: &str, text: &str) -> Result<Imported, Problems> {
    let format = match path.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "ini" | "cfg" => FileFormat::Ini,
        "yaml" | "yml" => FileFormat::Yaml,
        "json" => FileFormat::Json,
        _ => {
            let path = path_text::shown(path);
            let problem = Problem::new(format!("cannot import `{path}`: unknown format"));
            return Err(problem
                .hinting("its name must end in .py, .ini, .cfg, .yaml, .yml or .json")
                .into());
        }
    };
    let mut left_out = Vec::new();
    let entries = match (format, uwsgi::section(text)) {
        (FileFormat::Ini, Some(options)) => uwsgi::renamed(options, &mut left_out),
        (FileFormat::Ini, None) => {
            let parsed = parse(path, &paste::unfolded(text), format)?;
            paste::server_section(path, &parsed, &mut left_out)?
        }
        _ => flattened(parse(path, text, format)?, &mut left_out),
    };
    Ok(imported(path, entries, left_out))
}

/// Converts the assignments of a `gunicorn.conf.py`. `left_out` has a sentence for each line that has
/// no value.
pub fn import_gunicorn(
    path: &str,
    assignments: Vec<(String, Value)>,
    mut left_out: Vec<String>,
) -> Imported {
    let entries = gunicorn::renamed(assignments, &mut left_out);
    imported(path, entries, left_out)
}

/// Converts a command line of gunicorn or waitress-serve; `None` if the words are none.
///
/// # Errors
///
/// The program is another one.
pub fn import_command_line(words: &[String]) -> Option<Result<Imported, Problems>> {
    command_line::is_one(words).then(|| {
        let mut left_out = Vec::new();
        let entries = command_line::entries(words, &mut left_out)?;
        Ok(imported(&words.join(" "), entries, left_out))
    })
}

fn imported(source: &str, entries: Entries, mut left_out: Vec<String>) -> Imported {
    let layer = read(entries, &mut left_out);
    let body = body(&layer);
    left_out.extend(contradictions(&body));
    let source = shortened_line(&path_text::shown(source));
    let mut toml = format!("# Converted from {source} by `maitred config import`.\n");
    for sentence in &left_out {
        toml.push_str(&format!("# Left out: {}.\n", shortened_line(sentence)));
    }
    toml.push_str(&body);
    Imported { toml, left_out }
}

fn parse(path: &str, text: &str, format: FileFormat) -> Result<Vec<(String, Foreign)>, Problems> {
    let parsed = File::from_str(text, format).collect().map_err(|error| {
        let reason = error.to_string();
        let reason = reason.lines().next().unwrap_or_default();
        let path = path_text::shown(path);
        Problem::new(format!("cannot read `{path}`: {}", shortened_line(reason)))
    })?;
    let mut entries: Vec<_> = parsed.into_iter().collect();
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(entries)
}

/// The text as part of a comment line: without control characters, and shortened.
fn shortened_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect()
}

/// The entries of a YAML or JSON document, at the top or in a table named after a server.
fn flattened(parsed: Vec<(String, Foreign)>, left_out: &mut Vec<String>) -> Entries {
    let mut entries = Entries::new();
    for (name, value) in parsed {
        match value.kind {
            ValueKind::Table(table) => {
                if ["maitred", "waitress", "server"].contains(&name.as_str()) {
                    let mut inner: Vec<_> = table.into_iter().collect();
                    inner.sort_by(|(a, _), (b, _)| a.cmp(b));
                    entries.extend(flattened(inner, left_out));
                } else {
                    left_out.push(format!("`{}` is a table without settings", shortened(&name)));
                }
            }
            kind => match neutral(kind) {
                Some(value) => entries.push((name, value)),
                None => left_out.push(format!("`{}` has an unsupported value", shortened(&name))),
            },
        }
    }
    entries
}

fn neutral(kind: ValueKind) -> Option<Value> {
    Some(match kind {
        ValueKind::Nil => Value::None,
        ValueKind::Boolean(value) => Value::Bool(value),
        ValueKind::I64(number) => Value::Int(number),
        ValueKind::U64(number) => Value::Int(i64::try_from(number).ok()?),
        ValueKind::I128(number) => Value::Int(i64::try_from(number).ok()?),
        ValueKind::U128(number) => Value::Int(i64::try_from(number).ok()?),
        ValueKind::Float(number) => Value::Float(number),
        ValueKind::String(text) => Value::Text(text),
        ValueKind::Array(items) => {
            Value::List(items.into_iter().map(|item| neutral(item.kind)).collect::<Option<_>>()?)
        }
        ValueKind::Table(_) => return None,
    })
}

/// Reads each entry as a keyword, as PasteDeploy does.
fn read(entries: Entries, left_out: &mut Vec<String>) -> Layer {
    let mut layer = Layer::new("import", Syntax::Cast);
    let mut problems = Vec::new();
    for (name, value) in entries {
        match find(&name) {
            Some(setting) if setting.is_written() => {
                layer.set(setting, &value, Origin::Default.into(), &mut problems);
            }
            _ => left_out.push(without_counterpart(&name)),
        }
    }
    left_out.extend(problems.iter().map(|problem| problem.message().to_owned()));
    layer
}

/// One thread, for servers whose workers have one unless they are told otherwise.
fn one_thread(left_out: &mut Vec<String>) -> (String, Value) {
    left_out.push(
        "nothing, but `threads` is 1, as it was: raise it if the application is thread-safe".into(),
    );
    ("threads".into(), Value::Int(1))
}

/// The sentence about an entry that is no setting.
fn without_counterpart(name: &str) -> String {
    match other_servers::advice(name) {
        Some(advice) => format!("`{}`: {advice}", shortened(name)),
        None => format!("`{}` is not a setting of Maitred", shortened(name)),
    }
}

fn body(layer: &Layer) -> String {
    let mut body = String::new();
    for section in Section::ALL {
        let mut lines = String::new();
        for setting in section.settings() {
            let value = layer.get(setting).and_then(|entry| to_toml::toml(setting, &entry.value));
            if let Some(value) = value {
                lines.push_str(&format!("{} = {value}\n", setting.name));
            }
        }
        if !lines.is_empty() {
            body.push('\n');
            body.push_str(&heading(section));
            body.push_str(&lines);
        }
    }
    body
}

/// Why the result would be rejected. It is printed nevertheless, for a person to correct.
fn contradictions(body: &str) -> Vec<String> {
    let candidate = Candidate { path: "maitred.toml".into(), named_by: None };
    let file = SettingsFile { candidate, contents: Ok(body.as_bytes().to_vec()) };
    // Other servers' settings are mostly Unix's, wherever they are translated.
    match load(Sources { file: Some(file), system: System::Linux, ..Sources::default() }) {
        Ok(_) => Vec::new(),
        Err(problems) => {
            problems.iter().map(|problem| format!("nothing, but {}", problem.message())).collect()
        }
    }
}
