//! The layers of settings: file, environment, command line, and keywords of `serve()`.
//!
//! Figment merges them and records the layer of every value. The providers here read them, because
//! figment's own TOML provider loses lines and columns, and its environment provider guesses types:
//! an `ident` of `123` would be rejected as a number.

pub(crate) mod command_line;
pub(crate) mod environment;
pub(crate) mod keywords;
pub(crate) mod toml;

use std::collections::{BTreeMap, BTreeSet};

use figment::value::{Dict, Map};
use figment::{Metadata, Profile, Provider};

use crate::declaration::{Empty, Kind, Setting};
use crate::origin::Spot;
use crate::problem::Problem;
use crate::reading::{Complaint, Manner, read};
use crate::value::{Value, shortened};

/// The values of one source of settings, in canonical form.
#[derive(Debug)]
pub(crate) struct Layer {
    name: &'static str,
    manner: Manner,
    given: BTreeMap<&'static str, Given>,
    mistaken: BTreeSet<&'static str>,
}

/// One value of a layer.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) value: Value,
    pub(crate) spot: Spot,
}

impl Given {
    /// Whether it sets a value: `None` and an empty list only unset one.
    pub(crate) fn says_something(&self) -> bool {
        match &self.value {
            Value::None => false,
            Value::List(items) => !items.is_empty(),
            _ => true,
        }
    }
}

impl Layer {
    pub(crate) fn new(name: &'static str, manner: Manner) -> Self {
        Self { name, manner, given: BTreeMap::new(), mistaken: BTreeSet::new() }
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
        spot: Spot,
        problems: &mut Vec<Problem>,
    ) {
        if self.says_nothing(setting, value) {
            return;
        }
        let canonical = match (value, setting.kind) {
            (Value::None, kind) if kind != Kind::Flag => Ok(Value::None),
            _ => read(setting, value, self.manner),
        };
        match canonical {
            Ok(value) => {
                self.given.insert(setting.name, Given { value, spot });
            }
            Err(complaint) => {
                self.mistaken.insert(setting.name);
                problems.push(self.explain(setting, value, complaint).at(&spot));
            }
        }
    }

    /// The problem for a complaint, with the setting's name in the spelling of the layer.
    fn explain(&self, setting: &Setting, value: &Value, complaint: Complaint) -> Problem {
        let Complaint { wanted, given, hint } = complaint;
        let given = given.unwrap_or_else(|| match (value, self.manner) {
            (Value::Text(text), Manner::Typed) => format!("`\"{}\"`", shortened(text)),
            _ => value.shown(),
        });
        let name = match self.manner {
            Manner::Cast => setting.keyword(),
            Manner::Typed | Manner::Text => setting.name.to_owned(),
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
    fn says_nothing(&self, setting: &Setting, value: &Value) -> bool {
        let may_be_unset = setting.default.is_none()
            || matches!(setting.kind, Kind::Text(Empty::Unset) | Kind::Prefix);
        match value {
            Value::None => !may_be_unset && setting.kind != Kind::Flag,
            Value::Text(text) if self.name == environment::NAME => {
                (!may_be_unset || setting.is_a_place()) && text.trim().is_empty()
            }
            _ => false,
        }
    }

    pub(crate) fn get(&self, setting: &Setting) -> Option<&Given> {
        self.given.get(setting.name)
    }

    pub(crate) fn remove(&mut self, setting: &Setting) -> Option<Given> {
        self.given.remove(setting.name)
    }

    /// Whether an invalid value was given for the setting.
    pub(crate) fn is_mistaken(&self, setting: &Setting) -> bool {
        self.mistaken.contains(setting.name)
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let values =
            self.given.iter().map(|(name, given)| ((*name).to_owned(), (&given.value).into()));
        Ok(Profile::Default.collect(values.collect()))
    }
}
