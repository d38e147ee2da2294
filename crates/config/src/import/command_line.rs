//! The command lines of gunicorn and of waitress-serve.

use super::{Entries, gunicorn};
use crate::declaration::settings;
use crate::invocation::Invocation;
use crate::problem::{Problem, Problems};
use crate::raw_value::{Value, shortened};

/// gunicorn's one-letter flags, with their long names.
const LETTERS: &[(char, &str)] = &[
    ('D', "daemon"),
    ('R', "enable-stdio-inheritance"),
    ('b', "bind"),
    ('c', "config"),
    ('e', "env"),
    ('g', "group"),
    ('k', "worker-class"),
    ('m', "umask"),
    ('n', "name"),
    ('p', "pid"),
    ('t', "timeout"),
    ('u', "user"),
    ('w', "workers"),
];

/// gunicorn's flags that take no value.
const SWITCHES: &[&str] = &[
    "capture-output",
    "check-config",
    "daemon",
    "enable-stdio-inheritance",
    "initgroups",
    "no-sendfile",
    "preload",
    "print-config",
    "proxy-protocol",
    "reload",
    "reuse-port",
    "spew",
];

/// The entries of a command line, with our names.
pub(super) fn entries(words: &[String], left_out: &mut Vec<String>) -> Result<Entries, Problems> {
    let mut rest = words;
    if let [python, flag, module, ..] = words
        && program(python).starts_with("python")
        && flag == "-m"
    {
        rest = &words[2..];
        return by_program(module, &rest[1..], left_out);
    }
    match rest.split_first() {
        Some((name, arguments)) => by_program(name, arguments, left_out),
        None => by_program("", &[], left_out),
    }
}

/// Whether words are a command line, and not the name of a file.
pub(super) fn is_one(words: &[String]) -> bool {
    let is_program = |word: &String| ["gunicorn", "waitress-serve"].contains(&program(word));
    words.len() > 1 || words.first().is_some_and(is_program)
}

fn program(word: &str) -> &str {
    word.rsplit(['/', '\\']).next().unwrap_or(word).trim_end_matches(".exe")
}

fn by_program(
    name: &str,
    arguments: &[String],
    left_out: &mut Vec<String>,
) -> Result<Entries, Problems> {
    match program(name) {
        "gunicorn" => Ok(gunicorn::renamed(of_gunicorn(arguments, left_out), left_out)),
        "waitress-serve" | "waitress" => Ok(of_waitress(arguments, left_out)),
        other => {
            let problem = Problem::new(format!("cannot import from `{}`", shortened(other)));
            Err(problem.hinting("command lines of gunicorn and waitress-serve are known").into())
        }
    }
}

fn of_gunicorn(arguments: &[String], left_out: &mut Vec<String>) -> Entries {
    let mut entries = Entries::new();
    let mut arguments = arguments.iter().map(String::as_str).peekable();
    while let Some(argument) = arguments.next() {
        let (name, attached) = if let Some(long) = argument.strip_prefix("--") {
            match long.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (long.to_owned(), None),
            }
        } else if let Some(short) = argument.strip_prefix('-') {
            let letter = short.chars().next();
            let known = LETTERS.iter().find(|(known, _)| Some(*known) == letter);
            let value = letter.map_or("", |letter| &short[letter.len_utf8()..]);
            let value = (!value.is_empty()).then(|| value.trim_start_matches('=').to_owned());
            (known.map_or(short.to_owned(), |(_, long)| (*long).to_owned()), value)
        } else {
            entries.push(("app".into(), Value::Text(argument.into())));
            continue;
        };
        let value = match attached {
            Some(value) => Value::Text(value),
            None if SWITCHES.contains(&name.as_str()) => Value::Bool(true),
            None => match arguments.next() {
                Some(value) => Value::Text(value.into()),
                None => {
                    left_out.push(format!("`--{}` has no value", shortened(&name)));
                    continue;
                }
            },
        };
        match (name.as_str(), value) {
            ("config", Value::Text(file)) => left_out.push(format!(
                "`{}` was not read: `maitred config import` converts it, too",
                shortened(&file)
            )),
            ("bind", value) => match entries.iter_mut().find(|(name, _)| name == "bind") {
                Some((_, Value::List(all))) => all.push(value),
                _ => entries.push(("bind".into(), Value::List(vec![value]))),
            },
            (_, value) => entries.push((name, value)),
        }
    }
    entries
}

/// waitress-serve's flags are ours.
fn of_waitress(arguments: &[String], left_out: &mut Vec<String>) -> Entries {
    let invocation = Invocation::parse(arguments.iter().map(String::as_str));
    left_out.extend(invocation.problems.iter().map(ToString::to_string));
    settings()
        .filter_map(|setting| {
            let value = invocation.layer.get(setting)?.value.clone();
            Some((setting.name.to_owned(), setting.kind.rules().plain(&value)))
        })
        .collect()
}
