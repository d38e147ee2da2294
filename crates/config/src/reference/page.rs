//! The reference page, `docs/settings.md`.

use crate::declaration::{Change, Effect, Section, Setting};
use crate::kinds::Kind;

const INTRODUCTION: &str = "\
# Settings

<!-- Generated from the declarations in crates/config by `make docs`; changes here are lost. -->

Each setting has one name. For example, `channel-timeout` is the flag `--channel-timeout`, the key
`channel-timeout` in the settings file, the variable `MAITRED_CHANNEL_TIMEOUT`, and the keyword
`channel_timeout` of `maitred.serve()` and of PasteDeploy sections. Flags and keys may also be
written with `_`, and a flag may be abbreviated as long as it is unambiguous.

**Precedence.** The settings file overrides the defaults, the environment overrides the file, and
the command line or the keywords of `serve()` override the environment.
`maitred config show --origin` prints each value and its source; as a comment, what would follow
other settings or a variable of a platform. Of `listen`, `unix-socket`, and
`host` with `port`, the last source that has any counts. If that says only the port, the host stays that
of the addresses which it replaces, and is 127.0.0.1 where these are a Unix socket or a descriptor: who
moves a server to another port does not open it to the network.

**Settings file.** The first of these is read: `--config FILE`, the file that `MAITRED_CONFIG`
names, `maitred.toml`, `[tool.maitred]` in `pyproject.toml`; the last two in the current directory.
It has no tables. [maitred.toml](maitred.toml) lists every setting with its default, as comments, and
`maitred config schema` prints the JSON Schema for editors.

**Times** are seconds as a number, or `500ms`, `30s`, `5m`, `1h`. **Sizes** are bytes as a number,
or `64KiB`, `10MB`. **True or false** is `--flag`, `--no-flag` or `--flag=false` on the command
line; the command line and variables also accept `yes`, `no`, `on`, `off`, `1` and `0`. **Lists**
are lists in the file, and words separated by spaces elsewhere.

**Empty text** (`--access-log=`, `MAITRED_ACCESS_LOG=`) unsets a setting that may be unset. For any
other setting, an empty variable is ignored, because templates produce them, and empty text elsewhere
is an error. `listen` and `unix-socket` are treated like the others: unset by accident, they would
open the port on every address.

**Errors** are reported all together, each with its location. Nothing is started, and the exit
status is 2. An unknown `MAITRED_*` variable is a warning, or an error with `strict-env`.

Settings are read once, at startup. *Needs a restart* marks those of the listening sockets and of the
supervisor, which no reload of worker processes changes.
";

/// The page.
pub fn settings_page() -> String {
    let mut page = INTRODUCTION.to_owned();
    for section in Section::ALL {
        page.push_str(&format!("\n## {section}\n"));
        for setting in section.settings() {
            page.push_str(&entry(setting));
        }
    }
    page
}

fn entry(setting: &Setting) -> String {
    let mut facts = Vec::new();
    if setting.is_written() {
        facts.push(format!("`{}`", flag(setting)));
        facts.push(format!("`{}`", setting.variable()));
    } else {
        facts.push(format!("keyword `{}` only", setting.keyword()));
    }
    facts.push(setting.kind.rules().description());
    facts.push(match setting.default {
        None => "unset".to_owned(),
        Some("") => "default empty".to_owned(),
        Some(default) => format!("default `{default}`"),
    });
    if let Some(variable) = setting.fallback_variable {
        facts.push(format!("`${variable}` if nothing else sets it"));
    }
    facts.push(match (setting.waitress, setting.effect) {
        (Some(_), Effect::Ignored) => "no effect".to_owned(),
        (Some(name), Effect::Real) => format!("`{name}` in Waitress"),
        (None, _) => format!("since {}", setting.since),
    });
    if setting.change == Change::Restart && setting.effect != Effect::Ignored {
        facts.push("needs a restart".to_owned());
    }
    format!("\n### `{}`\n\n{}\n\n{}.\n", setting.name, setting.help, facts.join(" · "))
}

fn flag(setting: &Setting) -> String {
    let letter = setting.short.map(|letter| format!("-{letter}, ")).unwrap_or_default();
    let alias = setting.alias.map(|alias| format!(", --{alias}")).unwrap_or_default();
    match setting.kind {
        Kind::Flag => format!("--[no-]{}", setting.name),
        kind => format!("{letter}--{}{alias} {}", setting.name, kind.rules().placeholder()),
    }
}
