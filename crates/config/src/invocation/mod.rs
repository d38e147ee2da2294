//! Parses a command line into a command, the settings file that it names, and a layer of settings.
//!
//! Clap handles the grammar. The declarations define the values, and errors in them are collected
//! and reported with all others.

use clap::ArgMatches;

use crate::declaration::application::APP;
use crate::development::Purpose;
use crate::origin::Origin;
use crate::problem::{Problem, Problems};
use crate::providers::Layer;
use crate::providers::command_line;

mod grammar;
mod mistakes;

pub(crate) use grammar::grammar;
pub use mistakes::command_meant_by;

/// A parsed command line. Its errors are kept until [`crate::load()`] reports them.
#[derive(Debug)]
pub struct Invocation {
    /// The command.
    pub command: Command,
    /// The settings file named with `--config`.
    pub config: Option<String>,
    /// The server that a command is to ask, as it was written.
    pub(crate) server: Option<String>,
    pub(crate) layer: Layer,
    pub(crate) problems: Vec<Problem>,
}

/// A command of the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Serve the application.
    Serve,
    /// Serve it to whoever writes it: `dev`.
    Dev,
    /// Load the settings and the application, and report errors: `check`, `--check-config`.
    Check(Checks),
    /// Print the effective settings: `config show`, `--print-config`.
    ShowConfig {
        /// Whether to print the origin of each value.
        origins: bool,
        /// The output format.
        format: ShowFormat,
    },
    /// Print the JSON Schema: `config schema`.
    Schema,
    /// Convert the settings of another format or server to TOML: `config import`.
    Import {
        /// A file, or the words of a command line.
        what: Vec<String>,
    },
    /// Show what a running server does: `top`.
    Top,
    /// Show the processes of a running server: `status`.
    Status,
    /// Have a running server replace its workers: `reload`.
    Reload,
    /// Ask a running server whether it is healthy: `health`.
    Health(Probe),
    /// Print a completion script for a shell: `completions`.
    Completions(Shell),
    /// Print a manual page: `man`.
    Man {
        /// The subcommand that it is about, in words; none for the program.
        command: Vec<String>,
    },
    /// Print this text: help or version.
    Print(String),
}

/// What `check` checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Checks {
    /// That the server would start.
    #[default]
    Start,
    /// Also that it is fit for production: `--deploy`.
    Deploy,
}

/// What `health` asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Probe {
    /// Whether the server takes requests.
    #[default]
    Ready,
    /// Whether it reacts.
    Alive,
    /// Whether it has started.
    Started,
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
        mistakes::take_out_single_dashes(&mut arguments, &mut problems);
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

    /// Says where the name of the application comes from, if not the user has put it on the command
    /// line, but a program that knows it.
    #[must_use]
    pub fn naming_application_from(mut self, origin: &str) -> Self {
        self.layer.relocate(&APP, Origin::Program(origin.to_owned()).into());
        self
    }

    /// Checks the command line itself, for the commands that load no settings.
    ///
    /// # Errors
    ///
    /// Every error in the command line.
    pub fn check(&self) -> Result<(), Problems> {
        Problems::from_list(self.problems.clone())
    }

    /// Whether the command needs an application, as far as the command line is valid.
    pub(crate) fn needs_app(&self) -> bool {
        self.problems.is_empty()
            && matches!(self.command, Command::Serve | Command::Dev | Command::Check(_))
    }

    /// What the settings are for.
    pub(crate) fn purpose(&self) -> Purpose {
        match self.command {
            Command::Dev => Purpose::Development,
            _ => Purpose::Production,
        }
    }

    fn empty(command: Command, problems: Vec<Problem>) -> Self {
        let layer = command_line::read(&[], &mut Vec::new());
        Self { command, config: None, server: None, layer, problems }
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
            .filter(|level| level.try_contains_id("config").is_ok())
            .collect();
        let config =
            carrying.iter().rev().find_map(|level| level.get_one::<String>("config").cloned());
        let server = levels.last().and_then(|level| text_of(level, grammar::SERVER));
        let layer = command_line::read(&carrying, &mut problems);
        Self { command, config, server, layer, problems }
    }
}

fn text_of(level: &ArgMatches, id: &str) -> Option<String> {
    level.try_get_one::<String>(id).ok().flatten().cloned()
}

/// The command that the subcommands, or one of gunicorn's flags, select.
fn command(names: &[&str], levels: &[&ArgMatches]) -> Command {
    let text = |id: &str| levels.iter().rev().find_map(|level| text_of(level, id));
    let words = |id: &str| -> Vec<String> {
        let level = levels.last().and_then(|level| level.try_get_many(id).ok().flatten());
        level.map(|words| words.cloned().collect()).unwrap_or_default()
    };
    let is_set = |id: &str| {
        levels.iter().any(|level| matches!(level.try_get_one::<bool>(id), Ok(Some(true))))
    };
    match names {
        ["dev"] => Command::Dev,
        ["check"] if is_set("deploy") => Command::Check(Checks::Deploy),
        ["check"] => Command::Check(Checks::Start),
        ["config", "show"] => Command::ShowConfig {
            origins: is_set("origin"),
            format: match text("format").as_deref() {
                Some("json") => ShowFormat::Json,
                _ => ShowFormat::Toml,
            },
        },
        ["config", "schema"] => Command::Schema,
        ["config", "import"] => Command::Import { what: words("what") },
        ["top"] => Command::Top,
        ["status"] => Command::Status,
        ["reload"] => Command::Reload,
        ["health"] => Command::Health(match text("probe").as_deref() {
            Some("livez") => Probe::Alive,
            Some("startupz") => Probe::Started,
            _ => Probe::Ready,
        }),
        ["completions"] => {
            let shell = levels
                .last()
                .and_then(|level| level.try_get_one::<Shell>("shell").ok().flatten().copied());
            Command::Completions(shell.unwrap_or(Shell::Bash))
        }
        ["man"] => Command::Man { command: words("command") },
        ["version"] => Command::Print(grammar().render_version()),
        _ if is_set("check-config") => Command::Check(Checks::Start),
        _ if is_set("print-config") => {
            Command::ShowConfig { origins: false, format: ShowFormat::Toml }
        }
        _ => Command::Serve,
    }
}
