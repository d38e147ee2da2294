//! Settings in TOML: `maitred.toml`, or `[tool.maitred]` of a `pyproject.toml`.
//!
//! The parser keeps the span of every key and value, and continues after a syntax error, so that
//! all errors are reported together.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Layer;
use crate::declaration::{Setting, find, settings};
use crate::kinds::{Kind, Syntax};
use crate::origin::{Location, Origin, SourceText};
use crate::other_servers;
use crate::path_text;
use crate::problem::Problem;
use crate::raw_value::{Value, shortened};
use crate::suggestion::nearest;

/// Reads a settings file; `None` if it is another program's. In a `pyproject.toml`, only `[tool.maitred]`
/// is read.
pub(crate) fn read(source: &Arc<SourceText>, problems: &mut Vec<Problem>) -> Option<Layer> {
    let mut layer = Layer::new("file", Syntax::Typed);
    if let Some(problem) = ini(source) {
        problems.push(problem);
        return None;
    }
    let (document, errors) = DeTable::parse_recoverable(&source.text);
    if let (Some(format), false) = (other_format(&source.path), errors.is_empty()) {
        let path = path_text::shown(&source.path);
        let message = format!("`{path}` is {format}, but settings files are TOML");
        let hint = format!("`maitred config import {path}` converts it to TOML");
        problems.push(Problem::new(message).hinting(hint));
        return None;
    }
    let document = document.into_inner();
    let is_pyproject = is_pyproject(&source.path);
    let mut found = Vec::new();
    if !is_pyproject || source.text.contains("maitred") {
        found.extend(errors.iter().map(|error| syntax_problem(source, &document, error)));
    }
    // One mistake can cause several syntax errors on its line; only the first is reported.
    found.sort_by_key(Problem::offset);
    found.dedup_by_key(|problem| problem.line());
    let broken = found.iter().filter_map(Problem::line).collect();
    let table = if is_pyproject { tool_table(&document) } else { Some(&document) };
    let mut reader = Reader { source, layer: &mut layer, problems: &mut found, broken };
    for (key, value) in in_order(table.into_iter().flatten()) {
        reader.entry(key, value);
    }
    found.sort_by_key(Problem::offset);
    problems.append(&mut found);
    Some(layer)
}

/// What a file is by its name, if it is no TOML: of it, each line would be a problem.
fn other_format(path: &str) -> Option<&'static str> {
    match path.rsplit_once('.')?.1 {
        "json" => Some("JSON"),
        "yaml" | "yml" => Some("YAML"),
        "ini" => Some("an INI file"),
        _ => None,
    }
}

/// Whether a path names a `pyproject.toml`.
pub(crate) fn is_pyproject(path: &str) -> bool {
    std::path::Path::new(path).file_name().is_some_and(|name| name == "pyproject.toml")
}

fn tool_table<'a, 'i>(document: &'a DeTable<'i>) -> Option<&'a DeTable<'i>> {
    document.get("tool")?.get_ref().as_table()?.get("maitred")?.get_ref().as_table()
}

/// The entries in file order; the parsed table is sorted by name.
fn in_order<'a, 'i: 'a>(
    entries: impl Iterator<Item = (&'a Spanned<Cow<'i, str>>, &'a Spanned<DeValue<'i>>)>,
) -> Vec<(&'a Spanned<Cow<'i, str>>, &'a Spanned<DeValue<'i>>)> {
    let mut entries: Vec<_> = entries.collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

fn syntax_problem(
    source: &Arc<SourceText>,
    document: &DeTable<'_>,
    error: &toml::de::Error,
) -> Problem {
    let message = error.message().lines().next().unwrap_or("not TOML");
    let location = Location::in_file(source, error.span().unwrap_or(0..0));
    let excerpt =
        location.excerpt.as_ref().map_or("", |excerpt| &source.text[excerpt.span.clone()]);
    let first = document.keys().find(|key| key.get_ref() == excerpt);
    match first {
        Some(first) if message == "duplicate key" => {
            let first = Location::in_file(source, first.span());
            let problem = Problem::new(format!("`{}` is set twice", shortened(excerpt)));
            problem.at(&location).with_other(&first, "first set here")
        }
        _ => Problem::new(format!("not TOML: {message}")).at(&location),
    }
}

/// The sections of INI files that other programs read, by their beginnings.
const SECTIONS: [(&str, &str); 5] = [
    ("[server:", "PasteDeploy"),
    ("[app:", "PasteDeploy"),
    ("[composite:", "PasteDeploy"),
    ("[pipeline:", "PasteDeploy"),
    ("[uwsgi]", "uWSGI"),
];

/// A problem if the file is an INI of PasteDeploy or uWSGI, which would otherwise only cause syntax
/// errors.
fn ini(source: &Arc<SourceText>) -> Option<Problem> {
    let mut start = 0;
    for line in source.text.split_inclusive('\n') {
        let section = line.trim();
        if let Some((_, program)) = SECTIONS.iter().find(|(name, _)| section.starts_with(name)) {
            let location = Location::in_file(source, start..start + line.trim_end().len());
            let path = path_text::shown(&source.path);
            let hint = format!("`maitred config import {path}` converts it to TOML");
            let problem = Problem::new(format!("this is a {program} file, not TOML"));
            return Some(problem.at(&location).hinting(hint));
        }
        start += line.len();
    }
    None
}

struct Reader<'a> {
    source: &'a Arc<SourceText>,
    layer: &'a mut Layer,
    problems: &'a mut Vec<Problem>,
    /// Lines with a syntax error. Entries on these lines are not read.
    broken: BTreeSet<usize>,
}

impl Reader<'_> {
    fn entry(&mut self, key: &Spanned<Cow<'_, str>>, value: &Spanned<DeValue<'_>>) {
        let name = key.get_ref().as_ref();
        let location = Location::in_file(self.source, key.span());
        if matches!(&location.origin, Origin::File { line, .. } if self.broken.contains(line)) {
            return;
        }
        match (find(name), value.get_ref()) {
            (Some(setting), DeValue::Table(_)) => {
                let message = format!("`{}` is a setting, not a table", setting.name);
                self.problems.push(Problem::new(message).at(&location));
            }
            (Some(setting), _) if !setting.is_written() => {
                let message = format!("`{}` can only be a keyword of `serve()`", setting.name);
                let problem = Problem::new(message).at(&location);
                self.problems.push(problem.hinting("use `fd://3` in `listen`"));
            }
            (Some(setting), value_given) => self.known(setting, value_given, value, &location),
            (None, DeValue::Table(table)) => self.table(name, table, &location),
            (None, _) => self.unknown(name, &location),
        }
    }

    fn known(
        &mut self,
        setting: &'static Setting,
        given: &DeValue<'_>,
        value: &Spanned<DeValue<'_>>,
        key: &Location,
    ) {
        if let Some(first) = self.layer.get(setting) {
            let message =
                format!("`{}` is set twice, once with `-` and once with `_`", setting.name);
            let first = first.location.clone();
            self.problems.push(Problem::new(message).at(key).with_other(&first, "first set here"));
            return;
        }
        let location = Location::in_file(self.source, value.span());
        match neutral(setting, given) {
            Some(neutral) => self.layer.set(setting, &neutral, location, self.problems),
            None => {
                let wanted = setting.kind.rules().wanted();
                let message =
                    format!("`{}` must be {wanted}, not {}", setting.name, type_name(given));
                self.problems.push(Problem::new(message).at(&location));
            }
        }
    }

    fn table(&mut self, name: &str, table: &DeTable<'_>, location: &Location) {
        let known = in_order(table.iter()).into_iter().find_map(|(key, _)| find(key.get_ref()));
        let problem = Problem::new(format!("unknown table `{name}`")).at(location);
        self.problems.push(match known {
            Some(setting) => problem.hinting(format!(
                "settings are not in tables: move `{}` to the top of the file",
                setting.name
            )),
            None => problem.hinting("settings are not in tables"),
        });
    }

    fn unknown(&mut self, name: &str, location: &Location) {
        let problem = Problem::new(format!("unknown setting `{}`", shortened(name)));
        self.problems.push(match suggestion(name) {
            Some(hint) => problem.at(location).hinting(hint),
            None => problem.at(location),
        });
    }
}

/// The hint for an unknown setting.
pub(crate) fn suggestion(name: &str) -> Option<String> {
    if let Some(advice) = other_servers::advice(name) {
        return Some(advice.to_owned());
    }
    let names = settings().filter(|setting| setting.is_written()).map(|setting| setting.name);
    nearest(name, names).map(|right| format!("did you mean `{right}`?"))
}

/// The type of a value that no setting can have.
fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::Datetime(_) => "a date",
        DeValue::Integer(_) => "a number of this size",
        DeValue::Array(_) => "a list with such a value",
        _ => "a value of this type",
    }
}

/// The TOML value in the form that all layers share; `None` if no setting can have it.
fn neutral(setting: &Setting, value: &DeValue<'_>) -> Option<Value> {
    match value {
        DeValue::String(text) => Some(Value::Text(text.to_string())),
        DeValue::Boolean(value) => Some(Value::Bool(*value)),
        // `0o660` is already octal, and its text keeps the digits.
        DeValue::Integer(digits) if setting.kind == Kind::Mode && digits.radix() == 8 => {
            Some(Value::Text(digits.as_str().to_owned()))
        }
        DeValue::Integer(digits) => {
            i64::from_str_radix(digits.as_str(), digits.radix()).ok().map(Value::Int)
        }
        DeValue::Float(digits) => digits.as_str().parse().ok().map(Value::Float),
        DeValue::Array(items) => items
            .iter()
            .map(|item| neutral(setting, item.get_ref()))
            .collect::<Option<_>>()
            .map(Value::List),
        DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}
