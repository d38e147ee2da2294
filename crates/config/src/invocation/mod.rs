//! Parses a command line into a command, the settings file that it names, and a layer of settings.
//!
//! Clap handles the grammar. The declarations define the values, and errors in them are collected
//! and reported with all others.

use clap::{Arg, ArgAction, ArgMatches, Command as Grammar};

use crate::problem::{Problem, Problems};
use crate::providers::Layer;
use crate::providers::command_line::{self, POSITIONAL, flags};

mod mistakes;

/// A parsed command line. Its errors are kept until [`crate::load()`] reports them.
#[derive(Debug)]
pub struct Invocation {
    /// The command.
    pub command: Command,
    /// The settings file named with `--config`.
    pub config: Option<String>,
    pub(crate) layer: Layer,
    pub(crate) problems: Vec<Problem>,
}

/// A command of the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Serve the application.
    Serve,
    /// Load the settings and the application, and report errors: `check`, `--check-config`.
    Check,
    /// Print the effective settings: `config show`, `--print-config`.
    ShowConfig {
        /// Whether to print the origin of each value.
        origins: bool,
        /// The output format.
        format: ShowFormat,
    },
    /// Print the JSON Schema: `config schema`.
    Schema,
    /// Convert the settings of another format to TOML: `config import`.
    Import {
        /// The file to read.
        file: String,
    },
    /// Print a completion script for a shell: `completions`.
    Completions(Shell),
    /// Print the man page: `man`.
    Man,
    /// Print this text: help or version.
    Print(String),
}

/// The output format of `config show`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ShowFormat {
    /// A settings file.
    #[default]
    Toml,
    /// A JSON object.
    Json,
}

/// A shell for which there are completions.
pub use clap_complete::Shell;

impl Invocation {
    /// Parses the arguments, without the program's name.
    ///
    /// It never fails: [`crate::load()`] reports its errors together with those of other sources.
    pub fn parse<I: IntoIterator<Item = S>, S: Into<String>>(arguments: I) -> Self {
        let mut arguments: Vec<String> = arguments.into_iter().map(Into::into).collect();
        let mut problems = Vec::new();
        // Clap stops at the first unknown flag. Each unknown flag is recorded and removed, and the
        // rest is parsed again; every turn removes an argument, so the loop ends.
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

    /// Checks the command line itself, for the commands that load no settings.
    ///
    /// # Errors
    ///
    /// Every error in the command line.
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

/// The command that the subcommands, or one of gunicorn's flags, select.
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
            "Every true/false option has an opposite, --no-OPTION. An option may be abbreviated as \
             long as it is unambiguous. TIME is seconds, or 500ms, 30s, 5m; SIZE is bytes, or \
             64KiB, 10MB. Settings are also read from the environment and from maitred.toml or \
             [tool.maitred] in pyproject.toml; `maitred config show --origin` prints the source of \
             each value.",
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
                .about("Serve the application (the default command)")
                .arg(application())
                .args(general(false))
                .args(flags(true)),
        )
        .subcommand(
            Grammar::new("check")
                .about("Load the settings and the application, report errors, and open no socket")
                .arg(application())
                .args(general(false))
                .args(flags(true)),
        )
        .subcommand(config())
        .subcommand(
            Grammar::new("completions").about("Print a completion script for a shell").arg(
                Arg::new("shell")
                    .value_name("SHELL")
                    .help("The shell")
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
                .about("Print the effective settings; accepts every option of `maitred`")
                .arg(application().hide(true))
                .arg(
                    Arg::new("origin")
                        .long("origin")
                        .action(ArgAction::SetTrue)
                        .help("Print the source of each value"),
                )
                .arg(
                    Arg::new("format")
                        .long("format")
                        .value_name("FORMAT")
                        .value_parser(["toml", "json"])
                        .help("Output format: a settings file or a JSON object [default: toml]"),
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
                .arg(
                    Arg::new("file")
                        .value_name("FILE")
                        .required(true)
                        .help("File to convert; its name ends in .ini, .cfg, .yaml, .yml or .json"),
                ),
        )
}

fn application() -> Arg {
    Arg::new(POSITIONAL)
        .value_name("APP")
        .help("The application: `module:attribute`, or `module:factory()`")
}

/// The flags that are not settings. Only the outermost command has gunicorn's flags.
fn general(outermost: bool) -> Vec<Arg> {
    let mut flags = vec![
        Arg::new("config")
            .short('c')
            .long("config")
            .value_name("FILE")
            .allow_hyphen_values(true)
            .help(
                "Settings file, instead of ./maitred.toml or [tool.maitred] in ./pyproject.toml\n[env: MAITRED_CONFIG]",
            ),
    ];
    if outermost {
        let flag = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
        flags.push(flag("check-config").help("Same as the command `check`"));
        flags.push(flag("print-config").help("Same as the command `config show`"));
    }
    flags
}
