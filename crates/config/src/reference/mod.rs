//! The reference documents of the settings, generated from their declarations.
//!
//! The generated files are checked in, so that they can be read without a build; a test compares
//! them with the output of these functions.

mod page;
mod python;
mod sample;
mod schema;

pub use page::settings_page;
pub use python::{keywords, python_types};
pub use sample::sample;
pub use schema::schema;

use crate::invocation::{Shell, grammar};

/// The text of `maitred --help`.
pub fn help() -> String {
    grammar().render_help().to_string()
}

/// The manual page, in roff.
///
/// # Errors
///
/// Writing roff to memory fails, which does not happen.
pub fn man_page() -> std::io::Result<String> {
    let mut page = Vec::new();
    clap_mangen::Man::new(grammar()).render(&mut page)?;
    String::from_utf8(page).map_err(std::io::Error::other)
}

/// Completions for a shell.
pub fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut grammar(), "maitred", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}
