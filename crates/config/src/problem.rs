//! Errors in the settings, and how they are reported.
//!
//! All errors are collected and reported together, so that a deployment is corrected in one turn.
//! Each report says what is wrong, where, and what would be correct, in the layout of rustc.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use annotate_snippets::{
    AnnotationKind, Element, Group, Level, Origin as PathLine, Renderer, Snippet,
};

use crate::origin::{Excerpt, Location, Origin};
use crate::path_text;

/// One error in the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    message: String,
    location: Option<Location>,
    hint: Option<String>,
    also: Option<(Range<usize>, String)>,
}

impl Problem {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), location: None, hint: None, also: None }
    }

    pub(crate) fn at(mut self, location: &Location) -> Self {
        self.location = Some(location.clone());
        self
    }

    pub(crate) fn hinting(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Also points at a second location if it is in the same file; otherwise, the hint names it.
    pub(crate) fn with_other(mut self, location: &Location, label: &str) -> Self {
        let same_file = match (&self.location, &location.excerpt) {
            (Some(Location { excerpt: Some(here), .. }), Some(there)) => {
                here.source == there.source
            }
            _ => false,
        };
        match &location.excerpt {
            Some(there) if same_file => self.also = Some((there.span.clone(), label.into())),
            _ => self.hint = Some(format!("{label}: {}", location.origin)),
        }
        self
    }

    /// What is wrong: lower case, no full stop.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What would be correct, if known.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The origin of the wrong value, if there is one.
    pub fn origin(&self) -> Option<&Origin> {
        self.location.as_ref().map(|location| &location.origin)
    }

    /// The offset of the error in its file.
    pub(crate) fn offset(&self) -> Option<usize> {
        Some(self.location.as_ref()?.excerpt.as_ref()?.span.start)
    }

    /// The line of the error in its file.
    pub(crate) fn line(&self) -> Option<usize> {
        match self.origin() {
            Some(Origin::File { line, .. }) => Some(*line),
            _ => None,
        }
    }

    fn render(&self, level: Level<'_>, renderer: &Renderer) -> String {
        let mut group = Group::with_title(level.primary_title(self.message.as_str()));
        let mut hint = self.hint.as_deref();
        match &self.location {
            Some(Location { excerpt: Some(excerpt), .. }) => {
                let primary = AnnotationKind::Primary.span(excerpt.span.clone());
                let mut snippet = Snippet::source(without_c1(&excerpt.source.text))
                    .path(path_text::shown(&excerpt.source.path))
                    .annotation(primary.label(hint.take()));
                if let Some((span, label)) = &self.also {
                    let context = AnnotationKind::Context.span(span.clone());
                    snippet = snippet.annotation(context.label(label.as_str()));
                }
                group = group.element(Element::from(snippet));
            }
            Some(Location { origin, .. }) => {
                group = group.element(PathLine::path(origin.to_string()))
            }
            None => {}
        }
        if let Some(hint) = hint {
            group = group.element(Level::HELP.message(hint));
        }
        let excerpt = self.location.as_ref().and_then(|location| location.excerpt.as_ref());
        indented(&renderer.render(&[group]), excerpt)
    }
}

/// Indents everything below the title, so that the arrows of snippets (with line numbers) and of
/// variables (without) are aligned.
fn indented(report: &str, excerpt: Option<&Excerpt>) -> String {
    let has_lines = excerpt.is_some();
    let mut lines = report.lines();
    let mut text = String::new();
    if let Some(title) = lines.next() {
        text.push_str(title);
        text.push('\n');
    }
    let margin = if has_lines { " " } else { "  " };
    for line in lines {
        // Without source lines, the bar above a hint is left out.
        if has_lines || !line.contains('|') || line.contains(char::is_alphabetic) {
            text.push_str(margin);
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

/// The text with each C1 control character replaced by a dot, because terminals interpret some of
/// them. The renderer replaces the C0 ones. The replacement has two bytes, like the original, so
/// spans stay valid.
fn without_c1(text: &str) -> Cow<'_, str> {
    let is_c1 = |character: char| matches!(character, '\u{80}'..='\u{9f}');
    if text.contains(is_c1) { text.replace(is_c1, "\u{b7}").into() } else { text.into() }
}

impl fmt::Display for Problem {
    /// One line: the message, the origin, the hint.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(origin) = self.origin() {
            write!(f, " ({origin})")?;
        }
        match &self.hint {
            Some(hint) => write!(f, ": {hint}"),
            None => Ok(()),
        }
    }
}

/// Whether a report is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// Plain text: a file, a pipe, `NO_COLOR`.
    Never,
    /// ANSI escapes: a terminal.
    Always,
}

impl Colour {
    const fn renderer(self) -> Renderer {
        match self {
            Self::Never => Renderer::plain(),
            Self::Always => Renderer::styled(),
        }
    }
}

/// Every error in the settings; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// An error with the problems, or `Ok` if there are none.
    pub(crate) fn from_list(problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self(problems)) }
    }

    /// The problems in order: file, environment, command line, keywords, then invalid combinations.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }

    /// Each of them, for a command that would have started nothing.
    pub fn render_each(&self, colour: Colour) -> String {
        let renderer = colour.renderer();
        self.iter().map(|problem| problem.render(Level::ERROR, &renderer)).collect()
    }

    /// Each of them, and a line that counts them and says that no server was started.
    pub fn render(&self, colour: Colour) -> String {
        let mut report = self.render_each(colour);
        let count = match self.0.len() {
            1 => "1 problem".to_owned(),
            several => format!("{several} problems"),
        };
        report.push_str(&count);
        report.push_str("; nothing was started\n");
        report
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Colour::Never))
    }
}

impl std::error::Error for Problems {}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

/// A warning, which does not keep the server from starting. Its `Display` is one line, for a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning(pub(crate) Problem);

impl Warning {
    /// The warning: lower case, no full stop.
    pub fn message(&self) -> &str {
        self.0.message()
    }

    /// What would be correct, if known.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint()
    }

    /// The origin of the value, if there is one.
    pub fn origin(&self) -> Option<&Origin> {
        self.0.origin()
    }

    /// The warning as a report, as [`Problems::render`] shows a problem.
    pub fn render(&self, colour: Colour) -> String {
        self.0.render(Level::WARNING, &colour.renderer())
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
