//! PasteDeploy's rules for INI files: continued lines, `%(here)s`, `[server:main]`, `use = egg:…`.
//!
//! PasteDeploy parses its files with Python's `configparser`, so its rules apply.

use std::collections::BTreeMap;
use std::path::Path;

use config::{Value as Foreign, ValueKind};

use super::Entries;
use crate::path_text;
use crate::problem::{Problem, Problems};
use crate::raw_value::{Value, shortened};

/// The text with each continued value on one line, without comments, and with backslashes and
/// quotes escaped, which have no special meaning for `configparser`.
pub(super) fn unfolded(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let content = line.trim();
        if content.is_empty() || content.starts_with(['#', ';']) {
            continue;
        }
        let content: String = content.chars().flat_map(escaped).collect();
        match lines.last_mut() {
            Some(last) if line.starts_with([' ', '\t']) && !last.starts_with('[') => {
                last.push(' ');
                last.push_str(&content);
            }
            _ => lines.push(content),
        }
    }
    lines.join("\n")
}

fn escaped(character: char) -> impl Iterator<Item = char> {
    let escape = ['\\', '"', '\''].contains(&character).then_some('\\');
    escape.into_iter().chain([character])
}

/// The entries of the server section: `[server:main]`, or else the first `[server:…]`.
pub(super) fn server_section(
    path: &str,
    parsed: &[(String, Foreign)],
    left_out: &mut Vec<String>,
) -> Result<Entries, Problems> {
    let is_server = |(name, _): &&(String, Foreign)| name.starts_with("server:");
    let section = parsed
        .iter()
        .find(|(name, _)| name == "server:main")
        .or_else(|| parsed.iter().find(is_server));
    let Some((name, table)) = section else {
        let path = path_text::shown(path);
        let problem = Problem::new(format!("`{path}` has no [server:main] section"));
        return Err(problem.hinting("that section holds the server's settings").into());
    };
    let others: Vec<&str> = parsed.iter().map(|(name, _)| name.as_str()).collect();
    let others = others.into_iter().filter(|other| other != name && *other != "DEFAULT");
    for other in others {
        left_out.push(what_else(other));
    }
    let mut variables = texts(parsed.iter().find(|(name, _)| name == "DEFAULT").map(|(_, v)| v));
    let entries = texts(Some(table));
    let here = Path::new(path).parent().map(|folder| folder.display().to_string());
    let here = here.filter(|folder| !folder.is_empty()).unwrap_or_else(|| ".".into());
    variables.insert("here".into(), here);
    variables.extend(entries.clone());
    let mut read = Entries::new();
    for (key, text) in entries {
        if key == "use" {
            left_out.extend(another_server(&text));
            continue;
        }
        match interpolated(&text, &variables, 0) {
            Ok(text) => read.push((key, Value::Text(text))),
            Err(unknown) => {
                let (key, unknown) = (shortened(&key), shortened(&unknown));
                left_out
                    .push(format!("`{key}` refers to `%({unknown})s`, which is not in the file"));
            }
        }
    }
    Ok(read)
}

fn texts(section: Option<&Foreign>) -> BTreeMap<String, String> {
    let Some(Foreign { kind: ValueKind::Table(table), .. }) = section else {
        return BTreeMap::new();
    };
    let entries = table.iter();
    entries
        .filter_map(|(key, value)| Some((key.clone(), value.clone().into_string().ok()?)))
        .collect()
}

fn what_else(section: &str) -> String {
    let name = shortened(section);
    let is_app = ["app:", "composite:", "pipeline:", "filter:", "filter-app:"]
        .iter()
        .any(|opening| section.starts_with(opening));
    if is_app {
        format!("[{name}] is read by PasteDeploy: `app` names a module that calls `loadapp`")
    } else if section.starts_with("server:") {
        format!("[{name}] is another server")
    } else {
        format!("[{name}] is not about the server")
    }
}

/// A sentence about `use` if it names a server whose settings are not known.
fn another_server(text: &str) -> Option<String> {
    let known = ["egg:waitress", "egg:maitred"];
    let distribution = text.split_once('#').map_or(text, |(distribution, _)| distribution).trim();
    if known.contains(&distribution) {
        return None;
    }
    Some(format!(
        "`use = {}` is another server, whose settings may mean something else",
        shortened(text)
    ))
}

/// Replaces `%(name)s` with the value of `name`, and `%%` with `%`. The error is the name that is
/// not defined, or that refers to itself.
fn interpolated(
    text: &str,
    variables: &BTreeMap<String, String>,
    depth: usize,
) -> Result<String, String> {
    const DEEPEST: usize = 10; // as in configparser
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        result.push_str(before);
        if let Some(after) = after.strip_prefix('%') {
            result.push('%');
            rest = after;
        } else if let Some((name, after)) =
            after.strip_prefix('(').and_then(|after| after.split_once(")s"))
        {
            let value = variables.get(name).filter(|_| depth < DEEPEST).ok_or(name)?;
            result.push_str(&interpolated(value, variables, depth + 1)?);
            rest = after;
        } else {
            result.push('%');
            rest = after;
        }
        if result.len() > LONGEST {
            return Err(shortened(text));
        }
    }
    result.push_str(rest);
    Ok(result)
}

/// The maximum length of a value: nested references can grow exponentially.
const LONGEST: usize = 64 * 1024;
