//! Merges the layers: a later layer overrides an earlier one.
//!
//! Figment merges, and records the layer of each value. One rule is ours: there are four ways to
//! set the listening addresses, and a layer that uses one of them discards the others from earlier
//! layers. Otherwise `--port` could not replace a `listen` in the file.

use figment::Figment;
use figment::value::Dict;
use serde::de::DeserializeOwned;

use crate::declaration::Setting;
use crate::declaration::network::{HOST, LISTEN, PORT, SOCKETS, UNIX_SOCKET};
use crate::origin::{Location, Origin};
use crate::problem::{Problem, Warning};
use crate::providers::{Entry, Layer};
use crate::raw_value::Value;

/// The ways to set the listening addresses. Within a layer they exclude each other, as in Waitress.
const WAYS: [&[&Setting]; 4] = [&[&HOST, &PORT], &[&LISTEN], &[&UNIX_SOCKET], &[&SOCKETS]];

/// The layers, merged.
pub(crate) struct Merged {
    figment: Figment,
    /// The merged values, kept because the figment would merge again for each lookup.
    values: Dict,
    layers: Vec<Layer>,
}

/// Merges the layers; the last one wins.
pub(crate) fn merge(layers: Vec<Layer>) -> Merged {
    let figment = layers.iter().fold(Figment::new(), |figment, layer| figment.merge(layer));
    let values = match figment.find_value("") {
        Ok(figment::value::Value::Dict(_, values)) => values,
        _ => Dict::new(), // no layer sets anything
    };
    Merged { figment, values, layers }
}

impl Merged {
    /// The value of a setting; `Value::None` if it is unset.
    pub(crate) fn value(&self, setting: &Setting) -> Value {
        self.values.get(setting.name).map_or(Value::None, Value::from)
    }

    /// The value and location of a setting in the layer that won.
    pub(crate) fn entry(&self, setting: &Setting) -> Option<&Entry> {
        let winner = self.figment.get_metadata(self.values.get(setting.name)?.tag())?;
        let layer = self.layers.iter().find(|layer| winner.name == layer.name())?;
        layer.get(setting)
    }

    /// Where a setting was set.
    pub(crate) fn origin(&self, setting: &Setting) -> Origin {
        self.entry(setting).map_or(Origin::Default, |entry| entry.location.origin.clone())
    }

    /// The location where a setting was set; `None` for unset settings, and values that nobody set.
    pub(crate) fn location(&self, setting: &Setting) -> Option<&Location> {
        let entry = self.entry(setting)?;
        let is_said = !matches!(
            entry.location.origin,
            Origin::Default | Origin::Setting(_) | Origin::Development
        );
        (is_said && entry.is_set()).then_some(&entry.location)
    }

    /// The location where a setting was set to another value than its default. For a keyword, the
    /// default counts as well, because Waitress checks whether the keyword is present.
    pub(crate) fn changed_location(&self, setting: &Setting) -> Option<&Location> {
        let default = self.layers.first().and_then(|defaults| defaults.get(setting));
        let entry = self.entry(setting)?;
        let is_keyword = matches!(entry.location.origin, Origin::Keyword(_));
        let is_default = default.is_some_and(|default| default.value == entry.value);
        self.location(setting).filter(|_| is_keyword || !is_default)
    }

    /// Whether it was set, to a valid or an invalid value.
    pub(crate) fn is_attempted(&self, setting: &Setting) -> bool {
        self.location(setting).is_some()
            || self.layers.iter().any(|layer| layer.is_invalid(setting))
    }

    /// A value as the Rust type of its kind; that type's default if the setting is unset or its
    /// value was invalid.
    pub(crate) fn get<T: DeserializeOwned + Default>(&self, setting: &Setting) -> T {
        let value = self.values.get(setting.name);
        value.and_then(|value| value.deserialize().ok()).unwrap_or_default()
    }

    /// The value of a flag.
    pub(crate) fn flag(&self, setting: &Setting) -> bool {
        self.get(setting)
    }
}

/// Keeps only the way to listen that the last layer with any uses, and reports layers that use two.
pub(crate) fn resolve_ways(
    layers: &mut [Layer],
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Warning>,
) {
    for layer in layers.iter() {
        refuse_two_ways(layer, problems);
    }
    let chosen = layers.iter().enumerate().rev().find_map(|(index, layer)| {
        let way = WAYS.iter().position(|way| first_set(layer, way).is_some())?;
        Some((index, way))
    });
    let Some((index, chosen)) = chosen else { return };
    let (lower, upper) = layers.split_at_mut(index);
    let Some((winner, replaced_by)) =
        upper.first().and_then(|layer| first_set(layer, WAYS[chosen]))
    else {
        return;
    };
    let replaced_by = replaced_by.location.origin.to_string();
    let others = WAYS.iter().enumerate().filter(|(way, _)| *way != chosen);
    for setting in others.flat_map(|(_, way)| way.iter()) {
        for layer in lower.iter_mut() {
            if let Some(entry) = layer.remove(setting).filter(Entry::is_set) {
                let message =
                    format!("`{}` is not used: `{}` replaces it", setting.name, winner.name);
                let hint = format!("`{}` was set at: {replaced_by}", winner.name);
                warnings.push(Warning(Problem::new(message).at(&entry.location).hinting(hint)));
            }
        }
    }
}

/// The first setting of a way that a layer sets.
fn first_set<'a>(
    layer: &'a Layer,
    way: &[&'static Setting],
) -> Option<(&'static Setting, &'a Entry)> {
    way.iter().find_map(|setting| {
        let entry = layer.get(setting).filter(|entry| entry.is_set())?;
        Some((*setting, entry))
    })
}

fn refuse_two_ways(layer: &Layer, problems: &mut Vec<Problem>) {
    let mut ways = WAYS.iter().filter_map(|way| first_set(layer, way));
    let Some((first, first_entry)) = ways.next() else { return };
    for (second, entry) in ways {
        let message = format!("`{}` and `{}` cannot both be set", first.name, second.name);
        let problem = Problem::new(message).at(&entry.location).hinting("both say where to listen");
        let label = format!("`{}` is set here", first.name);
        let same_file = first_entry.location.excerpt.is_some();
        problems.push(if same_file {
            problem.with_other(&first_entry.location, &label)
        } else {
            problem
        });
    }
}

/// The setting that says where to listen, and where it was set; `None` if no layer sets one.
pub(crate) fn way_to_listen(layers: &[Layer]) -> Option<(&'static Setting, &Entry)> {
    layers.iter().rev().find_map(|layer| WAYS.iter().find_map(|way| first_set(layer, way)))
}

/// Whether a variable of other software may set a setting: no layer sets it, and for the port, no
/// layer uses another way to listen.
pub(crate) fn wants_fallback(setting: &Setting, layers: &[Layer]) -> bool {
    let is_set = |setting: &Setting| {
        layers.iter().any(|layer| layer.get(setting).is_some_and(Entry::is_set))
    };
    if is_set(setting) {
        return false;
    }
    setting.name != PORT.name || ![&LISTEN, &UNIX_SOCKET, &SOCKETS].into_iter().any(is_set)
}
