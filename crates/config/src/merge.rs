//! Merges the layers: a later layer overrides an earlier one.
//!
//! Figment merges, and records the layer of each value. One rule is ours: there are four ways to
//! set the listening addresses, and a layer that uses one of them discards the others from earlier
//! layers. Otherwise `--port` could not replace a `listen` in the file.

use std::net::{IpAddr, Ipv4Addr};

use figment::Figment;
use figment::value::Dict;
use serde::de::DeserializeOwned;

use crate::declaration::Setting;
use crate::declaration::network::{HOST, LISTEN, PORT, SOCKETS, UNIX_SOCKET};
use crate::origin::{Location, Origin};
use crate::problem::{Problem, Warning};
use crate::providers::{Entry, Layer};
use crate::raw_value::Value;
use crate::values::{DEFAULT_PORT, Endpoint, HostName};

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

    /// The declared default of a setting that has one, as the Rust type of its kind.
    pub(crate) fn default<T: TryFrom<i64> + Default>(&self, setting: &Setting) -> T {
        let default = self.layers.first().and_then(|defaults| defaults.get(setting));
        match default.map(|default| &default.value) {
            Some(Value::Int(number)) => T::try_from(*number).unwrap_or_default(),
            _ => T::default(),
        }
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
    let Some(upper) = upper.first_mut() else { return };
    let Some((winner, entry)) = first_set(upper, WAYS[chosen]) else { return };
    let mut replaced_by = format!("`{}` was set at: {}", winner.name, entry.location.origin);
    if winner.name == PORT.name
        && let Some((host, location)) = kept_host(entry, lower, problems)
    {
        replaced_by.push_str(&format!("; `host` is `{host}`"));
        upper.insert(&HOST, Value::Text(host), location);
    }
    let others = WAYS.iter().enumerate().filter(|(way, _)| *way != chosen);
    for setting in others.flat_map(|(_, way)| way.iter()) {
        for layer in lower.iter_mut() {
            if let Some(entry) = layer.remove(setting).filter(Entry::is_set) {
                let message =
                    format!("`{}` is not used: `{}` replaces it", setting.name, winner.name);
                let problem = Problem::new(message).at(&entry.location);
                warnings.push(Warning(problem.hinting(replaced_by.clone())));
            }
        }
    }
}

/// The host for a `port` that replaces addresses of earlier layers, and where these were set: who moves
/// a server to another port does not mean to open it to everybody. Of several hosts, none can be meant.
fn kept_host(
    port: &Entry,
    lower: &[Layer],
    problems: &mut Vec<Problem>,
) -> Option<(String, Location)> {
    let (replaced, entry) = way_to_listen(lower)?;
    let hosts = match &entry.value {
        Value::List(addresses) if replaced.name == LISTEN.name => hosts(addresses),
        _ if [HOST.name, PORT.name].contains(&replaced.name) => return None,
        _ => Vec::new(),
    };
    let is_local = |host: &HostName| match host {
        HostName::Any => false,
        HostName::Name(name) => {
            name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
        }
    };
    let host = match hosts.as_slice() {
        // Unix sockets and descriptors.
        [] => Ipv4Addr::LOCALHOST.to_string(),
        [only] => only.to_string(),
        several if several.iter().all(is_local) => "localhost".into(),
        _ => {
            let message = format!("`port` replaces `{}`, which has several hosts", replaced.name);
            let problem = Problem::new(message).at(&port.location);
            problems.push(problem.hinting("say which one: set `host` beside `port`, or `listen`"));
            return None;
        }
    };
    Some((host, entry.location.clone()))
}

/// The hosts of addresses, without duplicates.
fn hosts(addresses: &[Value]) -> Vec<HostName> {
    let mut hosts = Vec::new();
    for address in addresses {
        let Value::Text(address) = address else { continue };
        if let Ok(Endpoint::Tcp { host, .. }) = Endpoint::parse(address, DEFAULT_PORT, 0)
            && !hosts.contains(&host)
        {
            hosts.push(host);
        }
    }
    hosts
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
