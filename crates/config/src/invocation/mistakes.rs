//! Turns clap's errors into problems in the wording of this crate.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::grammar::grammar;
use crate::origin::{Location, Origin};
use crate::other_servers;
use crate::problem::Problem;
use crate::raw_value::shortened;
use crate::suggestion::nearest;

/// The text to print if the "error" is a request for help or for the version.
pub(super) fn answer(error: &clap::Error) -> Option<String> {
    let is_answer = matches!(
        error.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    is_answer.then(|| error.render().to_string())
}

/// Records the problem and removes the argument. Returns false if the rest cannot be parsed.
pub(super) fn take_out(
    error: &clap::Error,
    arguments: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) -> bool {
    let culprit = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(culprit)) => culprit.clone(),
        _ => String::new(),
    };
    if error.kind() != ErrorKind::UnknownArgument {
        problems.push(explain(error, &culprit));
        return false;
    }
    let name = culprit.split_once('=').map_or(culprit.as_str(), |(name, _)| name);
    let is_it = |argument: &String| {
        argument.split_once('=').map_or(argument.as_str(), |(name, _)| name) == name
            || name.len() == 2 && !argument.starts_with("--") && argument.starts_with(name)
    };
    let Some(index) = arguments.iter().position(is_it) else {
        problems.push(explain(error, &culprit));
        return false;
    };
    let argument = arguments.remove(index);
    if !name.starts_with('-') {
        // After an unknown flag, this may be its value: report one error, not two.
        if problems.is_empty() {
            let first = arguments.first().filter(|_| index > 0);
            match first.filter(|first| command_meant_by(first).is_some()) {
                Some(first) => {
                    problems.push(unknown_command(first, command_meant_by(first)));
                    arguments.remove(0);
                }
                None => problems.push(second_application(name)),
            }
        }
        return true;
    }
    let (problem, meant) = unknown_flag(name);
    problems.push(problem);
    let plain = name.trim_start_matches('-');
    let takes_value =
        other_servers::takes_value(plain) || meant.is_some_and(|meant| !is_truth(&meant));
    let stands_alone = argument == name;
    if takes_value
        && stands_alone
        && arguments.get(index).is_some_and(|next| !next.starts_with('-'))
    {
        arguments.remove(index);
    }
    true
}

fn location(text: &str) -> Location {
    Origin::CommandLine(shortened(text)).into()
}

/// Words that other programs have as a command, for what needs none here.
const TO_SERVE: [&str; 7] = ["run", "start", "server", "runserver", "up", "web", "daemon"];

/// What was probably meant by a word that is no command: the end of a sentence. `None` if the word is
/// not like one.
pub fn command_meant_by(word: &str) -> Option<String> {
    if word.is_empty() || !word.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-') {
        return None;
    }
    if TO_SERVE.contains(&word) {
        return Some("to serve, no command is needed: `maitred module:attribute`".into());
    }
    let grammar = grammar();
    let commands: Vec<&str> = grammar.get_subcommands().map(|command| command.get_name()).collect();
    nearest(word, commands.into_iter().chain(["help"]))
        .map(|right| format!("did you mean the command `{right}`?"))
}

/// What was probably meant by a word after a command that has commands of its own.
fn inner_command_meant_by(word: &str) -> Option<String> {
    let grammar = grammar();
    let outer = grammar.get_subcommands();
    let mut near = outer.filter_map(|outer| {
        let right = nearest(word, outer.get_subcommands().map(|inner| inner.get_name()))?;
        Some(format!("did you mean the command `{} {right}`?", outer.get_name()))
    });
    near.next()
}

fn unknown_command(word: &str, hint: Option<String>) -> Problem {
    let problem =
        Problem::new(format!("unknown command `{}`", shortened(word))).at(&location(word));
    match hint {
        Some(hint) => problem.hinting(hint),
        None => problem,
    }
}

/// Takes out flags that were written with one dash, such as `-port`, which would otherwise be read as
/// `-p -o -r -t`.
pub(super) fn take_out_single_dashes(arguments: &mut Vec<String>, problems: &mut Vec<Problem>) {
    let grammar = grammar();
    let flag_of = |name: &str| {
        grammar.get_arguments().find(|flag| {
            flag.get_long_and_visible_aliases().is_some_and(|names| names.contains(&name))
        })
    };
    let mut index = 0;
    while let Some(argument) = arguments.get(index) {
        if argument == "--" {
            break;
        }
        let (name, value) = argument
            .split_once('=')
            .map_or((argument.as_str(), None), |(name, value)| (name, Some(value)));
        if let Some(long) = name.strip_prefix("--") {
            // The next argument is its value, whatever it looks like.
            let takes_next = value.is_none()
                && flag_of(long).is_some_and(|flag| {
                    flag.get_action().takes_values() && !flag.is_require_equals_set()
                });
            index += if takes_next { 2 } else { 1 };
            continue;
        }
        let flag = name.strip_prefix('-').filter(|name| name.len() > 1).and_then(flag_of);
        let Some(flag) = flag else {
            index += 1;
            continue;
        };
        let right = format!("did you mean `-{name}`?");
        let problem = Problem::new(format!("unknown option `{}`", shortened(name)));
        problems.push(problem.at(&location(name)).hinting(right));
        let takes_next =
            value.is_none() && flag.get_action().takes_values() && !flag.is_require_equals_set();
        arguments.remove(index);
        if takes_next && arguments.get(index).is_some_and(|next| !next.starts_with('-')) {
            arguments.remove(index);
        }
    }
}

fn second_application(name: &str) -> Problem {
    if let Some(hint) = crate::kinds::port_hint(name) {
        return Problem::new(format!("`{}` is not an application", shortened(name)))
            .at(&location(name))
            .hinting(hint);
    }
    if TO_SERVE.contains(&name) {
        return unknown_command(name, command_meant_by(name));
    }
    Problem::new(format!(
        "only one application can be served, and `{}` is a second one",
        shortened(name)
    ))
    .at(&location(name))
}

/// The problem, and the flag that was probably intended.
fn unknown_flag(name: &str) -> (Problem, Option<String>) {
    let plain = name.trim_start_matches('-');
    let problem = Problem::new(format!("unknown option `{}`", shortened(name))).at(&location(name));
    let known = long_flags();
    if known.iter().any(|flag| name.strip_prefix("--") == Some(flag)) {
        let message = format!("`{}` is no option of this command", shortened(name));
        return (Problem::new(message).at(&location(name)), Some(plain.to_owned()));
    }
    let shortens: Vec<&str> =
        known.iter().map(String::as_str).filter(|flag| flag.starts_with(plain)).collect();
    if plain.len() > 1 && shortens.len() > 1 {
        let which: Vec<String> =
            shortens.iter().take(4).map(|flag| format!("`--{flag}`")).collect();
        return (problem.hinting(format!("it could be {}", which.join(", "))), None);
    }
    if let Some(advice) = other_servers::advice(plain) {
        return (problem.hinting(advice), None);
    }
    match nearest(plain, known.iter().map(String::as_str)) {
        Some(right) => {
            let right = right.to_owned();
            (problem.hinting(format!("did you mean `--{right}`?")), Some(right))
        }
        None => (problem, None),
    }
}

fn long_flags() -> Vec<String> {
    let grammar = grammar();
    let flags = grammar.get_arguments().filter(|flag| !flag.is_hide_set());
    // The last two are clap's own, which are not listed before it builds the command.
    flags.filter_map(|flag| flag.get_long()).chain(["help", "version"]).map(str::to_owned).collect()
}

fn is_truth(flag: &str) -> bool {
    let name = flag.strip_prefix("no-").unwrap_or(flag);
    grammar().get_arguments().any(|argument| {
        argument.get_long() == Some(name)
            && (argument.is_require_equals_set() || !argument.get_action().takes_values())
    })
}

/// The problem for every other error.
fn explain(error: &clap::Error, culprit: &str) -> Problem {
    // Clap's name of an argument includes its placeholder: `--threads <N|auto>`.
    let name = culprit.split([' ', '[', '=']).next().unwrap_or_default();
    let value = match error.get(ContextKind::InvalidValue) {
        Some(ContextValue::String(value)) => value.as_str(),
        _ => "",
    };
    let problem = match error.kind() {
        ErrorKind::InvalidValue if value.is_empty() => {
            Problem::new(format!("`{name}` needs a value"))
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let words = match error.get(ContextKind::ValidValue) {
                Some(ContextValue::Strings(words)) => format!("`{}`", words.join("`, `")),
                _ => "something else".into(),
            };
            Problem::new(format!("`{name}` must be one of {words}, not `{}`", shortened(value)))
        }
        ErrorKind::TooManyValues => Problem::new(format!("`{name}` takes no value")),
        ErrorKind::MissingRequiredArgument => {
            let what = match error.get(ContextKind::InvalidArg) {
                Some(ContextValue::Strings(names)) => names.join(" "),
                _ => culprit.to_owned(),
            };
            return Problem::new(format!("{what} is missing"));
        }
        ErrorKind::InvalidSubcommand => {
            let word = match error.get(ContextKind::InvalidSubcommand) {
                Some(ContextValue::String(word)) => word.as_str(),
                _ => "",
            };
            let hint = inner_command_meant_by(word).or_else(|| command_meant_by(word));
            return unknown_command(word, hint);
        }
        _ => {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
            Problem::new(shortened(line))
        }
    };
    problem.at(&location(name))
}
