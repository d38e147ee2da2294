//! The layers of settings: file, environment, command line, and keywords of `serve()`.
//!
//! Figment merges them and records the layer of every value. The providers here read them, because
//! figment's own TOML provider loses lines and columns, and its environment provider guesses types:
//! an `ident` of `123` would be rejected as a number.

pub(crate) mod command_line;
pub(crate) mod derived;
pub(crate) mod environment;
pub(crate) mod keywords;
pub(crate) mod socket_activation;
pub(crate) mod toml;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use figment::value::{Dict, Map};
use figment::{Metadata, Profile, Provider};

use crate::declaration::Setting;
use crate::kinds::{InvalidValue, Kind, Syntax, parse};
use crate::origin::Location;
use crate::problem::Problem;
use crate::raw_value::{Value, shortened};

/// The values of one source of settings, in canonical form.
#[derive(Debug)]
pub(crate) struct Layer {
    name: &'static str,
    syntax: Syntax,
    entries: BTreeMap<&'static str, Entry>,
    invalid: BTreeSet<&'static str>,
}

/// One value of a layer.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) value: Value,
    pub(crate) location: Location,
}

impl Entry {
    /// Whether it sets a value: `None` and an empty list only unset one.
    pub(crate) fn is_set(&self) -> bool {
        match &self.value {
            Value::None => false,
            Value::List(items) => !items.is_empty(),
            _ => true,
        }
    }
}

impl Layer {
    pub(crate) fn new(name: &'static str, syntax: Syntax) -> Self {
        Self { name, syntax, entries: BTreeMap::new(), invalid: BTreeSet::new() }
    }

    /// An empty layer for values that follow from others.
    pub(crate) fn derived() -> Self {
        Self::new("derived", Syntax::Typed)
    }

    /// Adds a canonical value.
    pub(crate) fn insert(&mut self, setting: &Setting, value: Value, location: Location) {
        self.entries.insert(setting.name, Entry { value, location });
    }

    /// Says where a value comes from, if there is one.
    pub(crate) fn relocate(&mut self, setting: &Setting, location: Location) {
        if let Some(entry) = self.entries.get_mut(setting.name) {
            entry.location = location;
        }
    }

    /// Its name, also in figment's metadata.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Parses a value and keeps it, or records a problem.
    pub(crate) fn set(
        &mut self,
        setting: &'static Setting,
        value: &Value,
        location: Location,
        problems: &mut Vec<Problem>,
    ) {
        if self.is_absent(setting, value) {
            return;
        }
        let canonical = match (value, setting.kind) {
            (Value::None, kind) if kind != Kind::Flag => Ok(Value::None),
            _ => parse(setting, value, self.syntax),
        };
        match canonical {
            Ok(value) => {
                self.entries.insert(setting.name, Entry { value, location });
            }
            Err(invalid) => {
                self.invalid.insert(setting.name);
                problems.push(self.explain(setting, value, invalid).at(&location));
            }
        }
    }

    /// Makes relative paths absolute. Those of Python's import system stay as they are: they follow
    /// `chdir`.
    pub(crate) fn make_absolute(&mut self, directory: &Path) {
        for (name, entry) in &mut self.entries {
            if let Some(setting) = crate::declaration::find(name) {
                entry.value = setting.kind.rules().absolute(&entry.value, directory);
            }
        }
    }

    /// The problem for an invalid value, with the setting's name in the spelling of the layer.
    fn explain(&self, setting: &Setting, value: &Value, invalid: InvalidValue) -> Problem {
        let InvalidValue { wanted, given, hint } = invalid;
        let given = given.unwrap_or_else(|| match (value, self.syntax) {
            (Value::Text(text), Syntax::Typed) => format!("`\"{}\"`", shortened(text)),
            _ => value.shown(),
        });
        let name = match self.syntax {
            Syntax::Cast => setting.keyword(),
            Syntax::Typed | Syntax::Text => setting.name.to_owned(),
        };
        let problem = Problem::new(format!("`{name}` must be {wanted}, not {given}"));
        match hint {
            Some(hint) => problem.hinting(hint),
            None => problem,
        }
    }

    /// Whether a value counts as absent: an empty variable, which templates produce, or a keyword of
    /// `None`. If the setting may be unset, an empty value unsets it instead; but a place to listen
    /// at is never unset by accident, because every address would take its place.
    fn is_absent(&self, setting: &Setting, value: &Value) -> bool {
        let may_be_unset = setting.default.is_none() || setting.kind.rules().may_be_empty();
        match value {
            Value::None => !may_be_unset && setting.kind != Kind::Flag,
            Value::Text(text) if self.name == environment::NAME => {
                (!may_be_unset || setting.is_address()) && text.trim().is_empty()
            }
            _ => false,
        }
    }

    pub(crate) fn get(&self, setting: &Setting) -> Option<&Entry> {
        self.entries.get(setting.name)
    }

    pub(crate) fn remove(&mut self, setting: &Setting) -> Option<Entry> {
        self.entries.remove(setting.name)
    }

    /// Whether an invalid value was given for the setting.
    pub(crate) fn is_invalid(&self, setting: &Setting) -> bool {
        self.invalid.contains(setting.name)
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let values =
            self.entries.iter().map(|(name, entry)| ((*name).to_owned(), (&entry.value).into()));
        Ok(Profile::Default.collect(values.collect()))
    }
}
