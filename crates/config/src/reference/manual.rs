//! The manual pages: one for the program, and one for each of its commands.
//!
//! The grammar of the command line is the source of names, synopsis and options. What it does not
//! know is here: examples, exit statuses, signals and files.

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::invocation::grammar;

/// A term, and what it means.
type Described = (&'static str, &'static str);

/// The sections of a page that the grammar does not have.
struct Sections {
    /// The words of the command; empty for the program.
    command: &'static str,
    examples: &'static [Described],
    exit_status: &'static [Described],
    signals: &'static [Described],
    files: &'static [Described],
}

const SERVING: &[Described] = &[
    ("0", "A signal stopped the server, and requests in progress have finished."),
    ("1", "The server could not start: an address is in use, or the application failed to import."),
    ("2", "The settings or the arguments are wrong. Nothing was started."),
];

const PRINTING: &[Described] =
    &[("0", "The output was written."), ("2", "The settings or the arguments are wrong.")];

const SIGNALS: &[Described] = &[
    (
        "SIGTERM, SIGINT",
        "Stop accepting, finish the requests in progress within graceful-timeout, and exit with 0. A \
         second signal, half a second later or more, exits at once.",
    ),
    (
        "SIGHUP",
        "With a supervisor, read the settings again and replace the worker processes. Without one, \
         stop as for SIGTERM. If nohup(1) has the process ignore it, it stays ignored.",
    ),
    ("SIGUSR1", "Reopen the access log, after a log rotation has moved it."),
    (
        "SIGUSR2, SIGTTIN, SIGTTOU, SIGWINCH",
        "Have a meaning for other servers only. The log says what to do instead.",
    ),
];

const FILES: &[Described] = &[
    (
        "maitred.toml",
        "Settings, in the current directory. --config and MAITRED_CONFIG name another file.",
    ),
    ("pyproject.toml", "Settings in the table [tool.maitred], if there is no maitred.toml."),
];

const PAGES: &[Sections] = &[
    Sections {
        command: "",
        examples: &[
            ("maitred shop.wsgi:application", "Serve on port 8080."),
            (
                "maitred",
                "Find the application in the files of the current directory, and serve it.",
            ),
            (
                "maitred --listen=unix:/run/shop.sock --threads=8 'shop:create_app()'",
                "Call a factory, and listen on a Unix socket for a proxy on this machine.",
            ),
            (
                "MAITRED_THREADS=8 maitred shop:app",
                "Set a setting in the environment: MAITRED_, and its name in capitals.",
            ),
        ],
        exit_status: SERVING,
        signals: SIGNALS,
        files: FILES,
    },
    Sections {
        command: "serve",
        examples: &[("maitred serve shop.wsgi:application", "Serve on port 8080.")],
        exit_status: SERVING,
        signals: SIGNALS,
        files: FILES,
    },
    Sections {
        command: "check",
        examples: &[
            ("maitred check shop:app", "Report what would keep the application from being served."),
            (
                "ExecStartPre=/srv/venv/bin/maitred check --deploy shop:app",
                "Check before a service is started, in a unit of systemd.",
            ),
        ],
        exit_status: &[
            ("0", "The application can be served. Warnings and advice do not change this."),
            ("1", "Serving it would end with 1: it cannot be imported, a directory is missing."),
            ("2", "The settings or the arguments are wrong."),
        ],
        signals: &[],
        files: FILES,
    },
    Sections {
        command: "config",
        examples: &[("maitred config show --origin", "Print each value, and where it was set.")],
        exit_status: PRINTING,
        signals: &[],
        files: FILES,
    },
    Sections {
        command: "dev",
        examples: &[
            ("maitred dev", "Find the application, and serve it on http://127.0.0.1:8080."),
            ("maitred dev --port=8000 shop.wsgi:application", "Serve it on another port."),
            (
                "maitred dev --host=0.0.0.0 --no-expose-tracebacks",
                "Serve it to other machines, too, without tracebacks.",
            ),
        ],
        exit_status: SERVING,
        signals: SIGNALS,
        files: FILES,
    },
    Sections {
        command: "config show",
        examples: &[
            ("maitred config show", "Print the effective settings as a settings file."),
            (
                "maitred config show --origin --format=json",
                "Print them with their sources as JSON.",
            ),
        ],
        exit_status: PRINTING,
        signals: &[],
        files: FILES,
    },
    Sections {
        command: "config schema",
        examples: &[(
            "maitred config schema > maitred.schema.json",
            "Write the schema. Editors complete a settings file whose first line is \
             #:schema ./maitred.schema.json",
        )],
        exit_status: PRINTING,
        signals: &[],
        files: &[],
    },
    Sections {
        command: "config import",
        examples: &[
            (
                "maitred config import gunicorn.conf.py > maitred.toml",
                "Convert gunicorn's settings.",
            ),
            (
                "maitred config import -- gunicorn -w 4 -b :8000 shop.wsgi",
                "Convert a command line.",
            ),
        ],
        exit_status: &[
            ("0", "The settings were printed. What has no counterpart is named on standard error."),
            ("2", "The file cannot be read, or its format is not known."),
        ],
        signals: &[],
        files: &[],
    },
    Sections {
        command: "top",
        examples: &[
            ("maitred top", "Show the server of these settings. q quits, the arrows scroll."),
            ("maitred top unix:/run/maitred/admin.sock", "Show another one."),
        ],
        exit_status: &[
            ("0", "It was told to quit."),
            ("1", "No server answers within five seconds, or there is no terminal."),
            ("2", "No source names the server, or the arguments are wrong."),
        ],
        signals: &[],
        files: FILES,
    },
    Sections {
        command: "status",
        examples: &[
            ("maitred status", "Show the processes of the server of these settings."),
            ("maitred status http://127.0.0.1:9090", "Show those of another one."),
        ],
        exit_status: &[
            ("0", "The table was written."),
            ("1", "No server answers within five seconds. Standard error says why."),
            ("2", "No source names the server, or the arguments are wrong."),
        ],
        signals: &[],
        files: FILES,
    },
    Sections {
        command: "reload",
        examples: &[
            ("maitred reload", "Reload the server of these settings, and wait for the outcome."),
            ("maitred reload unix:/run/maitred/admin.sock", "Reload another one."),
        ],
        exit_status: &[
            ("0", "Every worker has been replaced."),
            (
                "1",
                "A new worker failed and the others go on, another reload runs, there is no \
                 supervisor, or none answers. Standard error says why.",
            ),
            ("2", "No source names the server, or the arguments are wrong."),
        ],
        signals: &[],
        files: FILES,
    },
    Sections {
        command: "health",
        examples: &[
            ("maitred health", "Ask the server of these settings whether it takes requests."),
            (
                "maitred health --probe=livez unix:/run/maitred/admin.sock",
                "Ask another one whether it reacts.",
            ),
            (
                r#"HEALTHCHECK CMD ["maitred", "health"]"#,
                "Check the health of a container, in a Dockerfile.",
            ),
        ],
        exit_status: &[
            ("0", "The server is healthy."),
            ("1", "It is not, or none answers within five seconds. Standard error says why."),
            ("2", "No source names the server, or the arguments are wrong."),
        ],
        signals: &[],
        files: FILES,
    },
    Sections {
        command: "completions",
        examples: &[(
            "maitred completions bash > ~/.local/share/bash-completion/completions/maitred",
            "Install completions for bash.",
        )],
        exit_status: PRINTING,
        signals: &[],
        files: &[],
    },
    Sections {
        command: "man",
        examples: &[
            ("maitred man | man -l -", "Read this manual."),
            ("maitred man config import | man -l -", "Read the page of a command."),
        ],
        exit_status: PRINTING,
        signals: &[],
        files: &[],
    },
    Sections { command: "version", examples: &[], exit_status: PRINTING, signals: &[], files: &[] },
];

/// A manual page, in roff. `command` is the subcommand in words, such as `["config", "show"]`, or
/// empty for the program. `None` if there is no such command.
///
/// # Errors
///
/// Writing roff to memory fails, which does not happen.
pub fn man_page(command: &[&str]) -> std::io::Result<Option<String>> {
    let words = command.join(" ");
    let Some(sections) = PAGES.iter().find(|page| page.command == words) else { return Ok(None) };
    let mut grammar = grammar();
    grammar.build();
    let Some(found) = subcommand(&grammar, command) else { return Ok(None) };
    let words: Vec<&str> = ["maitred"].iter().chain(command).copied().collect();
    let found = found.clone().name(words.join("-")).bin_name(words.join(" "));
    let found = found.version(env!("CARGO_PKG_VERSION"));
    let has_options = found.get_arguments().any(|argument| !argument.is_hide_set());
    let has_commands = found.get_subcommands().any(|command| !command.is_hide_set());
    let man = Man::new(found);
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    if has_options {
        man.render_options_section(&mut page)?;
    }
    if has_commands {
        man.render_subcommands_section(&mut page)?;
    }
    man.render_extra_section(&mut page)?;
    let mut more = Roff::new();
    section(&mut more, "EXIT STATUS", sections.exit_status);
    section(&mut more, "SIGNALS", sections.signals);
    section(&mut more, "FILES", sections.files);
    section(&mut more, "EXAMPLES", sections.examples);
    more.to_writer(&mut page)?;
    man.render_version_section(&mut page)?;
    String::from_utf8(page).map(Some).map_err(std::io::Error::other)
}

/// The words of every command that has a page.
pub fn manual_pages() -> impl Iterator<Item = &'static str> {
    PAGES.iter().map(|page| page.command)
}

fn subcommand<'a>(grammar: &'a Command, words: &[&str]) -> Option<&'a Command> {
    words.iter().try_fold(grammar, |grammar, word| grammar.find_subcommand(word))
}

fn section(roff: &mut Roff, title: &str, entries: &[Described]) {
    if entries.is_empty() {
        return;
    }
    roff.control("SH", [title]);
    for (term, meaning) in entries {
        roff.control("TP", []);
        roff.text([bold(*term)]);
        roff.text([roman(*meaning)]);
    }
}
