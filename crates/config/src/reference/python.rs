//! What Python programs read of the settings: the types of the keywords of `maitred.serve()`, for type
//! checkers (PEP 692), and the list in its `help()`.

use crate::declaration::{Effect, Section, Setting};
use crate::kinds::Kind;

const INTRODUCTION: &str = r#""""The keywords of `maitred.serve` and `maitred.create_server`, for type checkers.

Generated from the declarations in crates/config by `make docs`; changes here are lost.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from typing import Literal, TypedDict


class Settings(TypedDict, total=False):
    """The settings, as keywords.

    `None` unsets a setting. Times are in seconds, or text such as ``"500ms"``, ``"30s"`` or
    ``"5m"``; sizes are in bytes, or text such as ``"64KiB"``. At run time, text is also taken for
    numbers and truth values, as in Waitress: PasteDeploy passes nothing else.
    """
"#;

/// The module `maitred.settings`.
pub fn python_types() -> String {
    let mut module = INTRODUCTION.to_owned();
    for section in Section::ALL {
        module.push_str(&format!("\n    # {section}\n"));
        for setting in section.settings().iter().filter(|setting| is_keyword(setting)) {
            module.push_str(&field(setting));
        }
    }
    module
}

/// The list of keywords, in Markdown.
pub fn keywords() -> String {
    let mut list = String::new();
    for section in Section::ALL {
        list.push_str(&format!("{section}:\n\n"));
        for setting in section.settings().iter().filter(|setting| is_keyword(setting)) {
            let default = match (setting.effect, setting.default) {
                (Effect::Real, Some("")) | (_, None) => String::new(),
                (Effect::Real, Some(default)) => format!(" (`{default}`)"),
                _ => " (no effect)".to_owned(),
            };
            let sentence = setting.help.split(". ").next().unwrap_or_default();
            let summary = sentence.split("; ").next().unwrap_or_default().trim_end_matches('.');
            list.push_str(&format!("- `{}`{default}: {summary}.\n", setting.keyword()));
        }
        list.push('\n');
    }
    list
}

/// Whether a setting may be passed as a keyword: the application is passed itself.
fn is_keyword(setting: &Setting) -> bool {
    setting.kind != Kind::Application
}

fn field(setting: &Setting) -> String {
    let kind = setting.kind.rules().python_type();
    // Waitress takes `None` for false.
    let none = if setting.kind == Kind::Flag { "" } else { " | None" };
    let declared = format!("    {}: {kind}{none}\n", setting.keyword());
    let help = format!("    \"\"\"{}\"\"\"", setting.help);
    if help.len() <= LINE_MAX {
        return format!("{declared}{help}\n");
    }
    let lines = wrapped(&format!("\"\"\"{}", setting.help));
    format!("{declared}{lines}    \"\"\"\n")
}

/// The longest line of the repository.
const LINE_MAX: usize = 100;

/// Indented lines of the text.
fn wrapped(text: &str) -> String {
    let (mut lines, mut line) = (String::new(), String::from("   "));
    for word in text.split(' ') {
        if line.len() + 1 + word.len() > LINE_MAX {
            lines.push_str(&line);
            lines.push('\n');
            line = String::from("   ");
        }
        line.push(' ');
        line.push_str(word);
    }
    format!("{lines}{line}\n")
}
