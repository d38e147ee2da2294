//! The origin of a value: line and column of a file, a variable, a flag, or a keyword.
//!
//! Error messages and `config show --origin` print it.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::path_text;

/// Where a value was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was not set.
    Default,
    /// A settings file.
    File {
        /// Its path as it was given.
        path: String,
        /// The line, counted from 1.
        line: usize,
        /// The column, counted in characters from 1.
        column: usize,
    },
    /// An environment variable, by its name.
    Variable(String),
    /// The command line, by its flag.
    CommandLine(String),
    /// A file of the project that suggests the application; the rest of a sentence.
    Found(String),
    /// A keyword of `serve()` or of a PasteDeploy section, by its name.
    Keyword(String),
    /// The program that runs the command line, by what it says.
    Program(String),
    /// It follows from another setting.
    Setting(&'static str),
    /// It is a default of `maitred dev`.
    Development,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line, column } => {
                write!(f, "{}:{line}:{column}", path_text::shown(path))
            }
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::CommandLine(flag) => write!(f, "command line: {flag}"),
            Self::Found(reason) => write!(f, "found: {reason}"),
            Self::Keyword(name) => write!(f, "keyword {name}"),
            Self::Program(what) => f.write_str(what),
            Self::Setting(name) => write!(f, "from {name}"),
            Self::Development => f.write_str("maitred dev"),
        }
    }
}

/// The text of a settings file and the path it came from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SourceText {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// An origin, and for a file, the span of the value in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    pub(crate) origin: Origin,
    pub(crate) excerpt: Option<Excerpt>,
}

/// A span of a settings file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Excerpt {
    pub(crate) source: Arc<SourceText>,
    pub(crate) span: Range<usize>,
}

impl Location {
    pub(crate) fn in_file(source: &Arc<SourceText>, span: Range<usize>) -> Self {
        let span = on_boundaries(&source.text, span);
        let before = &source.text[..span.start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let origin = Origin::File {
            path: source.path.clone(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        };
        Self { origin, excerpt: Some(Excerpt { source: Arc::clone(source), span }) }
    }
}

impl From<Origin> for Location {
    fn from(origin: Origin) -> Self {
        Self { origin, excerpt: None }
    }
}

/// The span, moved to character boundaries within the text: a parser's error may point past the
/// end.
fn on_boundaries(text: &str, span: Range<usize>) -> Range<usize> {
    let down = |mut index: usize| {
        index = index.min(text.len());
        while !text.is_char_boundary(index) {
            index -= 1;
        }
        index
    };
    let start = down(span.start);
    start..down(span.end).max(start)
}
