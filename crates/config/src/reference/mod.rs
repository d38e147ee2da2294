//! The reference documents of the settings, generated from their declarations.
//!
//! The generated files are checked in, so that they can be read without a build; a test compares
//! them with the output of these functions.

mod manual;
mod page;
mod python;
mod sample;
mod schema;

pub use manual::{man_page, manual_pages};
pub use page::settings_page;
pub use python::{keywords, python_types};
pub use sample::sample;
pub use schema::schema;

use crate::invocation::{Shell, grammar};

/// The text of `maitred --help`.
pub fn help() -> String {
    grammar().render_long_help().to_string()
}

/// Completions for a shell.
pub fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut grammar(), "maitred", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}
