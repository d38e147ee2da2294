//! Settings as flags.
//!
//! The grammar is that of `waitress-serve` (getopt): `--flag=value` or `--flag value`, and any
//! unambiguous prefix of a flag. The last value wins, except that `--listen` adds addresses. Names
//! may use `-` or `_`. A boolean may have a value (`--expose-tracebacks=False`), because
//! django-prodserver turns a dictionary of arguments into flags.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint};

use super::Layer;
use crate::declaration::application::APP;
use crate::declaration::{Effect, Setting, settings};
use crate::kinds::{Kind, Syntax, Words};
use crate::origin::{Location, Origin};
use crate::problem::Problem;
use crate::raw_value::Value;

/// The name of the positional argument.
pub(crate) const POSITIONAL: &str = "APP";

/// The settings in the short help.
const SHORT_HELP: [&str; 4] = ["listen", "workers", "threads", "access-log"];

/// The flags of all settings, and the opposite of each boolean.
///
/// Hidden flags are accepted, too; they only do not appear in the help of the command. Those of
/// settings without effect always are.
pub(crate) fn flags(visible: bool) -> Vec<Arg> {
    let mut flags = Vec::new();
    for setting in settings().filter(|setting| setting.is_written()) {
        flags.push(flag(setting).hide(!visible || setting.effect == Effect::Ignored));
        if setting.kind == Kind::Flag {
            flags.push(opposite(setting));
        }
    }
    flags
}

fn flag(setting: &Setting) -> Arg {
    let mut flag = Arg::new(setting.name)
        .long(setting.name)
        .help(help(setting))
        .long_help(help(setting)) // clap_mangen takes it for flags that the short help leaves out
        .help_heading(setting.section.title())
        .value_name(setting.kind.rules().placeholder().into_owned());
    flag = flag.hide_short_help(!SHORT_HELP.contains(&setting.name));
    flag = match setting.kind {
        Kind::Path => flag.value_hint(ValueHint::AnyPath),
        Kind::Paths => flag.value_hint(ValueHint::DirPath),
        Kind::SocketPath => flag.value_hint(ValueHint::FilePath),
        Kind::Choice(Words(words)) => flag.value_parser(Suggested(words)),
        Kind::Flag => flag.value_parser(Suggested(&["true", "false"])),
        _ => flag,
    };
    flag = flag.hide_possible_values(true); // the placeholder says them
    if setting.name.contains('-') {
        flag = flag.alias(setting.keyword());
    }
    if let Some(alias) = setting.alias {
        flag = flag.visible_alias(alias);
    }
    if let Some(letter) = setting.short {
        flag = flag.short(letter);
    }
    if setting.kind == Kind::Flag {
        let truth = flag.num_args(0..=1).require_equals(true).default_missing_value("true");
        return truth.action(ArgAction::Set).overrides_with(negation(setting));
    }
    // The next argument is always the value, as in getopt: `--port -1` is an invalid port.
    let accumulates = setting.kind.rules().accumulates();
    flag.allow_hyphen_values(true).action(if accumulates {
        ArgAction::Append
    } else {
        ArgAction::Set
    })
}

/// Takes any text; completions suggest the words. Wrong words are reported with all other problems.
#[derive(Clone)]
struct Suggested(&'static [&'static str]);

impl TypedValueParser for Suggested {
    type Value = String;

    fn parse_ref(
        &self,
        command: &Command,
        flag: Option<&Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, flag, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.0.iter().map(PossibleValue::new)))
    }
}

fn opposite(setting: &Setting) -> Arg {
    let name = negation(setting);
    let mut flag = Arg::new(name.clone())
        .long(name.clone())
        .hide(true)
        .action(ArgAction::SetTrue)
        .overrides_with(setting.name);
    if setting.name.contains('-') {
        flag = flag.aliases([name.replace('-', "_"), format!("no-{}", setting.keyword())]);
    }
    flag
}

fn negation(setting: &Setting) -> String {
    format!("no-{}", setting.name)
}

/// The help of a flag: what it does, its variable, and its default.
pub(crate) fn help(setting: &Setting) -> String {
    let mut help = format!("{}\n[env: {}]", setting.help, setting.variable());
    match (setting.effect, setting.default) {
        (Effect::Ignored, _) | (_, None) => {}
        (_, Some("")) => help.push_str(" [default: empty]"),
        (_, Some(default)) => help.push_str(&format!(" [default: {default}]")),
    }
    help
}

/// Reads the flags of each level of subcommands; the innermost level wins.
pub(crate) fn read(levels: &[&ArgMatches], problems: &mut Vec<Problem>) -> Layer {
    let mut layer = Layer::new("command line", Syntax::Text);
    for setting in settings().filter(|setting| setting.is_written()) {
        for matches in levels {
            if let Some(value) = typed(setting, matches) {
                layer.set(setting, &value, flag_spot(setting.name), problems);
            }
        }
    }
    positional(levels, &mut layer, problems);
    layer
}

fn typed(setting: &Setting, matches: &ArgMatches) -> Option<Value> {
    // Some commands take only a few of the flags.
    let was_typed = |id: &str| {
        matches.try_contains_id(id).is_ok()
            && matches.value_source(id).is_some_and(|source| source == ValueSource::CommandLine)
    };
    if setting.kind == Kind::Flag && was_typed(&negation(setting)) {
        return Some(Value::Bool(false));
    }
    if !was_typed(setting.name) {
        return None;
    }
    let mut texts: Vec<Value> =
        matches.get_many::<String>(setting.name)?.cloned().map(Value::Text).collect();
    match setting.kind.rules().accumulates() {
        true => Some(Value::List(texts)),
        false => texts.pop(),
    }
}

fn positional(levels: &[&ArgMatches], layer: &mut Layer, problems: &mut Vec<Problem>) {
    let apps =
        levels.iter().filter_map(|matches| matches.try_get_one::<String>(POSITIONAL).ok()?);
    for app in apps {
        let location = Location::from(Origin::CommandLine(crate::raw_value::shortened(app)));
        if let Some(first) = layer.get(&APP) {
            let message = "only one application can be served";
            let first = first.location.clone();
            problems.push(Problem::new(message).at(&location).with_other(&first, "the other one"));
        } else {
            layer.set(&APP, &Value::Text(app.clone()), location, problems);
        }
    }
}

fn flag_spot(name: &str) -> Location {
    Origin::CommandLine(format!("--{name}")).into()
}
