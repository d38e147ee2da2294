//! `config show`: the effective settings, as a settings file or JSON.

use serde_json::{Map, Value as Json, json};

use crate::declaration::network::{HOST, LISTEN, PORT, SOCKETS, UNIX_SOCKET};
use crate::declaration::{Effect, Section, Setting, settings};
use crate::invocation::ShowFormat;
use crate::load::Loaded;
use crate::origin::Origin;
use crate::providers::derived;
use crate::raw_value::Value;
use crate::to_toml;

impl Loaded {
    /// The settings in a format, with origins if `origins` is true.
    pub fn show(&self, format: ShowFormat, origins: bool) -> String {
        match format {
            ShowFormat::Toml => self.show_toml(origins),
            ShowFormat::Json => {
                let mut text = format!("{:#}", self.to_json(origins));
                text.push('\n');
                text
            }
        }
    }

    /// The settings as a JSON object of names and values, or with origins, of names and
    /// `{"value": …, "origin": …}`. An unset setting is `null`.
    pub fn to_json(&self, origins: bool) -> Json {
        let entries = self.shown().map(|(setting, value, origin)| {
            let value = to_toml::json(setting, value).unwrap_or(Json::Null);
            let entry = match origins {
                true => json!({ "value": value, "origin": origin.to_string() }),
                false => value,
            };
            (setting.name.to_owned(), entry)
        });
        Json::Object(entries.collect::<Map<_, _>>())
    }

    /// Every setting with its value for use by a program: durations in seconds, sizes in bytes,
    /// permissions as a number. An unset setting is [`Value::None`].
    pub fn plain(&self) -> impl Iterator<Item = (&'static Setting, Value)> {
        settings().filter_map(|setting| {
            let (value, _) = self.values.get(setting.name)?;
            Some((setting, setting.kind.rules().plain(value)))
        })
    }

    fn show_toml(&self, origins: bool) -> String {
        let mut text = String::new();
        let mut section = None;
        for (setting, value, origin) in self.shown() {
            if section.replace(setting.section) != Some(setting.section) {
                if !text.is_empty() {
                    text.push('\n');
                }
                text.push_str(&heading(setting.section));
            }
            let value = to_toml::toml(setting, value);
            match &value {
                Some(value) if follows(setting, origin) => {
                    text.push_str(&format!("# {} = {value}", setting.name));
                }
                Some(value) => text.push_str(&format!("{} = {value}", setting.name)),
                None => text.push_str(&format!("# {} is not set", setting.name)),
            }
            if origins && (value.is_some() || *origin != Origin::Default) {
                text.push_str(&format!("  # {origin}"));
            }
            text.push('\n');
        }
        text
    }

    /// The settings to show. Left out are the ways to listen that are not used, and settings without
    /// effect unless they were set.
    fn shown(&self) -> impl Iterator<Item = (&'static Setting, &Value, &Origin)> {
        let is_set = |setting: &Setting| {
            self.values.get(setting.name).is_some_and(|(value, _)| match value {
                Value::None => false,
                Value::List(items) => !items.is_empty(),
                _ => true,
            })
        };
        let elsewhere = [&LISTEN, &UNIX_SOCKET, &SOCKETS].into_iter().any(is_set);
        settings().filter_map(move |setting| {
            let (value, origin) = self.values.get(setting.name)?;
            let is_other_way = elsewhere && [HOST.name, PORT.name].contains(&setting.name);
            let is_idle = setting.effect != Effect::Real && *origin == Origin::Default;
            (setting.is_written() && !is_other_way && !is_idle).then_some((setting, value, origin))
        })
    }
}

/// Whether a value is what other settings, or a variable of a platform, make of it. It is shown as a
/// comment, because as a setting of a file it would stay as it is when they change.
fn follows(setting: &Setting, origin: &Origin) -> bool {
    let may_follow = setting.fallback_variable.is_some() || derived::is_derived(setting);
    matches!(origin, Origin::Setting(_)) || *origin == Origin::Default && may_follow
}

/// The comment line above a section.
pub(crate) fn heading(section: Section) -> String {
    format!("# {section}\n")
}
