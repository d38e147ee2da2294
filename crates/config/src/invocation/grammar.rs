//! The grammar of the command line: the commands, and the flags that are not settings.

use clap::{Arg, ArgAction, Command, ValueHint};

use super::Shell;
use crate::declaration::network::ADMIN_LISTEN;
use crate::providers::command_line::{POSITIONAL, flags};

/// The name of the argument that says which server to ask.
pub(super) const SERVER: &str = "server";

/// What follows the options of the whole help.
const NOTES: &str = "\
Every true/false option has an opposite, --no-OPTION. An option may be abbreviated as long as it is \
unambiguous. TIME is seconds, or 500ms, 30s, 5m; SIZE is bytes, or 64KiB, 10MB. Settings are also \
read from the environment and from maitred.toml or [tool.maitred] in pyproject.toml; `maitred config \
show --origin` prints the source of each value.";

/// What follows the options of the short help.
const EXAMPLES: &str = "\
Examples:
  maitred shop.wsgi:application               serve on port 8080
  maitred dev                                 serve it while you write it
  maitred check shop:app                      report what would keep it from serving

`maitred --help` lists every option.";

/// The whole grammar.
pub(crate) fn grammar() -> Command {
    Command::new("maitred")
        .bin_name("maitred")
        .no_binary_name(true)
        .about("Serves a WSGI application.")
        .version(env!("CARGO_PKG_VERSION"))
        .after_help(EXAMPLES)
        .after_long_help(NOTES)
        .override_usage("maitred [OPTIONS] [APP]\n       maitred [OPTIONS] COMMAND")
        .term_width(100)
        .next_line_help(true)
        .infer_long_args(true)
        .args_override_self(true)
        .arg(application())
        .args(general())
        .args(gunicorns())
        .args(flags(true))
        .subcommand(serving("serve", "Serve the application (the default command)"))
        .subcommand(dev())
        .subcommand(check())
        .subcommand(config())
        .subcommand(asking("top").about("Show what a running server does, in the terminal"))
        .subcommand(asking("status").about("Show the processes of a running server"))
        .subcommand(asking("reload").about(
            "Have a running server replace its workers, with new code and settings, and wait",
        ))
        .subcommand(
            asking("health")
                .about("Ask a running server whether it is healthy; the exit status is the answer")
                .arg(
                    Arg::new("probe")
                        .long("probe")
                        .value_name("PROBE")
                        .value_parser(["readyz", "livez", "startupz"])
                        .help(
                            "What to ask: whether it takes requests, whether it reacts, or whether \
                             it has started [default: readyz]",
                        ),
                ),
        )
        .subcommand(
            Command::new("completions").about("Print a completion script for a shell").arg(
                Arg::new("shell")
                    .value_name("SHELL")
                    .help("The shell")
                    .required(true)
                    .value_parser(clap::value_parser!(Shell)),
            ),
        )
        .subcommand(
            Command::new("man").about("Print a manual page").arg(
                Arg::new("command")
                    .value_name("COMMAND")
                    .num_args(0..=2)
                    .help("The command that it is about, such as `check` or `config show`"),
            ),
        )
        .subcommand(Command::new("version").about("Print the version"))
}

/// A command that takes every option of the server.
fn serving(name: &'static str, about: &'static str) -> Command {
    Command::new(name).about(about).arg(application()).args(general()).args(flags(true))
}

fn dev() -> Command {
    let about = "Serve the application while you write it, and reload it when it changes";
    serving("dev", about).after_help(
        "Listens on 127.0.0.1, prints a line for each request, and shows tracebacks in the browser. \
         Django's static files are served if DEBUG is on. What the settings file says about \
         addresses, processes, times and logs is not used.",
    )
}

fn check() -> Command {
    serving("check", "Report what would keep the application from being served").arg(
        Arg::new("deploy")
            .long("deploy")
            .action(ArgAction::SetTrue)
            .help("Also advise on what is unfit for production"),
    )
}

fn config() -> Command {
    Command::new("config")
        .about("Show, describe or import settings")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            Command::new("show")
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
                .args(general())
                .args(flags(false)),
        )
        .subcommand(
            Command::new("schema").about("Print the JSON Schema of the settings file (draft-07)"),
        )
        .subcommand(
            Command::new("import")
                .about("Print the settings of another server or format as TOML")
                .after_help(
                    "A file: gunicorn.conf.py (which is not executed), uwsgi.ini, a PasteDeploy \
                     INI file, YAML or JSON. Or a command line, after `--`:\n  \
                     maitred config import -- gunicorn -w 4 -b :8000 shop.wsgi",
                )
                .arg(
                    Arg::new("what")
                        .value_name("FILE|COMMAND")
                        .required(true)
                        .num_args(1..)
                        .value_hint(ValueHint::FilePath)
                        .help("File to convert, or the command line of gunicorn or waitress-serve"),
                ),
        )
}

/// A command that asks a running server.
fn asking(name: &'static str) -> Command {
    let admin_listen = flags(true).into_iter().filter(|flag| flag.get_id() == ADMIN_LISTEN.name);
    Command::new(name)
        .arg(Arg::new(SERVER).value_name("URL").help(
            "The server's `admin-listen`: `http://host:port`, or `unix:` and a path. Without it, \
             --admin-listen, the environment and the settings file are looked at.",
        ))
        .args(general())
        .args(admin_listen.map(|flag| flag.hide_short_help(false)))
}

fn application() -> Arg {
    Arg::new(POSITIONAL).value_name("APP").help(
        "The application: `module:attribute`, or `module:factory()`. Without it, the files of the \
         current directory are searched for one.",
    )
}

/// The flags that are not settings.
fn general() -> [Arg; 1] {
    [Arg::new("config")
        .short('c')
        .long("config")
        .value_name("FILE")
        .value_hint(ValueHint::FilePath)
        .allow_hyphen_values(true)
        .help(
            "Settings file, instead of ./maitred.toml or [tool.maitred] in ./pyproject.toml\n\
             [env: MAITRED_CONFIG]",
        )]
}

/// Flags of gunicorn, on the outermost command only.
fn gunicorns() -> [Arg; 2] {
    let flag = |name: &'static str, help: &'static str| {
        let flag = Arg::new(name).long(name).action(ArgAction::SetTrue);
        flag.help(help).long_help(help).hide_short_help(true)
    };
    [
        flag("check-config", "Same as the command `check`"),
        flag("print-config", "Same as the command `config show`"),
    ]
}
