//! What a command line asks for: which command, with which file, and which settings it carries.
//!
//! Clap knows the grammar and says what was typed; what the words mean is left to the
//! declarations, and what is wrong with them is told together with everything else.

use clap::{Arg, ArgAction, ArgMatches, Command as Grammar};

use crate::problem::{Problem, Problems};
use crate::providers::Layer;
use crate::providers::command_line::{self, POSITIONAL, flags};

mod mistakes;

/// A command line, taken apart. What is wrong with it is kept until [`crate::load()`].
#[derive(Debug)]
pub struct Invocation {
    /// What is to be done.
    pub command: Command,
    /// The settings file that was named with `--config`.
    pub config: Option<String>,
    pub(crate) layer: Layer,
    pub(crate) problems: Vec<Problem>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Serve the application.
    Serve,
    /// Load settings and application, and say what is wrong: `check`, `--check-config`.
    Check,
    /// Print the settings that would be used: `config show`, `--print-config`.
    ShowConfig {
        /// Whether each is shown with where it was set.
        origins: bool,
        /// In which format.
        format: ShowFormat,
    },
    /// Print the JSON Schema: `config schema`.
    Schema,
    /// Print the settings of another format as TOML: `config import`.
    Import {
        /// The file to read.
        file: String,
    },
    /// Print completions for a shell: `completions`.
    Completions(Shell),
    /// Print the man page: `man`.
    Man,
    /// Print this text, help or version, and be done.
    Print(String),
}

/// The format of `config show`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ShowFormat {
    /// A settings file.
    #[default]
    Toml,
    /// A JSON object.
    Json,
}

/// A shell that completions can be made for.
pub use clap_complete::Shell;

impl Invocation {
    /// Reads the arguments, without the program's name.
    ///
    /// It never fails: what is wrong is reported by [`crate::load()`], with all that is wrong
    /// elsewhere.
    pub fn parse<I: IntoIterator<Item = S>, S: Into<String>>(arguments: I) -> Self {
        let mut arguments: Vec<String> = arguments.into_iter().map(Into::into).collect();
        let mut problems = Vec::new();
        // Clap stops at the first flag it does not know. Each such flag is noted and taken out,
        // and the rest is read again; there are at most as many as arguments.
        loop {
            match grammar().try_get_matches_from(&arguments) {
                Ok(matches) => return Self::from_matches(&matches, problems),
                Err(error) => {
                    if let Some(text) = mistakes::answer(&error) {
                        return Self::empty(Command::Print(text), problems);
                    }
                    if !mistakes::take_out(&error, &mut arguments, &mut problems) {
                        return Self::empty(Command::Serve, problems);
                    }
                }
            }
        }
    }

    /// What is wrong with the command line itself, for the commands that load no settings.
    ///
    /// # Errors
    ///
    /// Every mistake in it.
    pub fn check(&self) -> Result<(), Problems> {
        Problems::from_list(self.problems.clone())
    }

    fn empty(command: Command, problems: Vec<Problem>) -> Self {
        let layer = command_line::read(&[], &mut Vec::new());
        Self { command, config: None, layer, problems }
    }

    fn from_matches(matches: &ArgMatches, mut problems: Vec<Problem>) -> Self {
        let mut levels = vec![matches];
        let mut names = Vec::new();
        while let Some((name, inner)) = levels.last().and_then(|level| level.subcommand()) {
            levels.push(inner);
            names.push(name);
        }
        let command = command(&names, &levels);
        let carrying: Vec<&ArgMatches> = levels
            .iter()
            .copied()
            .filter(|level| level.try_contains_id("threads").is_ok())
            .collect();
        let config =
            carrying.iter().rev().find_map(|level| level.get_one::<String>("config").cloned());
        let layer = command_line::read(&carrying, &mut problems);
        Self { command, config, layer, problems }
    }
}

/// The command that the names of the subcommands, or a flag of gunicorn's, say.
fn command(names: &[&str], levels: &[&ArgMatches]) -> Command {
    let text = |id: &str| {
        levels
            .iter()
            .rev()
            .find_map(|level| level.try_get_one::<String>(id).ok().flatten().cloned())
    };
    let is_set = |id: &str| {
        levels.iter().any(|level| matches!(level.try_get_one::<bool>(id), Ok(Some(true))))
    };
    match names {
        ["check"] => Command::Check,
        ["config", "show"] => Command::ShowConfig {
            origins: is_set("origin"),
            format: match text("format").as_deref() {
                Some("json") => ShowFormat::Json,
                _ => ShowFormat::Toml,
            },
        },
        ["config", "schema"] => Command::Schema,
        ["config", "import"] => Command::Import { file: text("file").unwrap_or_default() },
        ["completions"] => {
            let shell = levels
                .last()
                .and_then(|level| level.try_get_one::<Shell>("shell").ok().flatten().copied());
            Command::Completions(shell.unwrap_or(Shell::Bash))
        }
        ["man"] => Command::Man,
        _ if is_set("check-config") => Command::Check,
        _ if is_set("print-config") => {
            Command::ShowConfig { origins: false, format: ShowFormat::Toml }
        }
        _ => Command::Serve,
    }
}

/// The whole grammar.
pub(crate) fn grammar() -> Grammar {
    Grammar::new("maitred")
        .bin_name("maitred")
        .no_binary_name(true)
        .about("Serves a WSGI application.")
        .version(env!("CARGO_PKG_VERSION"))
        .after_help(
            "Every true/false option has an opposite, --no-OPTION. An option may be shortened as \
             long as it stays unambiguous. TIME is seconds, or as 500ms, 30s, 5m; SIZE is bytes, \
             or as 64KiB, 10MB. Settings are also read from maitred.toml or [tool.maitred] in \
             pyproject.toml; `maitred config show --origin` tells what was set where.",
        )
        .override_usage("maitred [OPTIONS] APP\n       maitred [OPTIONS] COMMAND")
        .term_width(100)
        .next_line_help(true)
        .infer_long_args(true)
        .args_override_self(true)
        .disable_help_subcommand(true)
        .arg(application())
        .args(general(true))
        .args(flags(true))
        .subcommand(
            Grammar::new("serve")
                .about("Serve the application; also what happens without a command")
                .arg(application())
                .args(general(false))
                .args(flags(true)),
        )
        .subcommand(
            Grammar::new("check")
                .about("Load settings and application, say what is wrong, and open no socket")
                .arg(application())
                .args(general(false))
                .args(flags(true)),
        )
        .subcommand(config())
        .subcommand(
            Grammar::new("completions").about("Print completions for a shell").arg(
                Arg::new("shell")
                    .value_name("SHELL")
                    .required(true)
                    .value_parser(clap::value_parser!(Shell)),
            ),
        )
        .subcommand(Grammar::new("man").about("Print the manual page"))
}

fn config() -> Grammar {
    Grammar::new("config")
        .about("Show, describe or import settings")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            Grammar::new("show")
                .about("Print the settings that would be used; every option of `maitred` is taken")
                .arg(application().hide(true))
                .arg(
                    Arg::new("origin")
                        .long("origin")
                        .action(ArgAction::SetTrue)
                        .help("Say of each setting where it was set"),
                )
                .arg(
                    Arg::new("format")
                        .long("format")
                        .value_name("FORMAT")
                        .value_parser(["toml", "json"])
                        .help("Print a settings file or a JSON object [default: toml]"),
                )
                .args(general(false))
                .args(flags(false)),
        )
        .subcommand(
            Grammar::new("schema").about("Print the JSON Schema of the settings file (draft-07)"),
        )
        .subcommand(
            Grammar::new("import")
                .about("Print the settings of a PasteDeploy INI, YAML or JSON file as TOML")
                .arg(Arg::new("file").value_name("FILE").required(true)),
        )
}

fn application() -> Arg {
    Arg::new(POSITIONAL)
        .value_name("APP")
        .help("The application: `module:attribute`, or `module:factory()`")
}

/// The flags that are no settings. Only the outermost command has gunicorn's habits.
fn general(outermost: bool) -> Vec<Arg> {
    let mut flags = vec![
        Arg::new("config")
            .short('c')
            .long("config")
            .value_name("FILE")
            .allow_hyphen_values(true)
            .help(
                "Settings file; else ./maitred.toml or [tool.maitred] in ./pyproject.toml\n[env: MAITRED_CONFIG]",
            ),
    ];
    if outermost {
        let flag = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
        flags.push(flag("check-config").help("The same as the command `check`"));
        flags.push(flag("print-config").help("The same as the command `config show`"));
    }
    flags
}
