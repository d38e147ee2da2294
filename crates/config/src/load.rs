//! Loads [`Settings`] from all sources, or reports every error in them.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use crate::assembly::Machine;
use crate::declaration::{Change, Effect, Setting, application, observability, settings};
use crate::development::{self, Purpose};
use crate::files::SettingsFile;
use crate::invocation::Invocation;
use crate::kinds::Syntax;
use crate::merge::{merge, resolve_ways};
use crate::origin::{Location, Origin, SourceText};
use crate::path_text;
use crate::problem::{Problem, Problems, Warning};
use crate::providers::{Entry, Layer, derived, environment, keywords, socket_activation, toml};
use crate::raw_value::Value;
use crate::settings::Settings;
use crate::system::{Gil, Packing, System};
use crate::values::{Choice, ColourUse, LogFields, LogFormat, value_of};

/// Every source of settings, already read.
#[derive(Debug, Default)]
pub struct Sources {
    /// The settings file: the first of [`crate::candidates`] that exists.
    pub file: Option<SettingsFile>,
    /// The whole environment, because some variables of other software are used as well.
    pub environment: Vec<(String, String)>,
    /// The command line, if there is one.
    pub invocation: Option<Invocation>,
    /// The keywords of `serve()` or of a PasteDeploy section.
    pub keywords: Vec<(String, Value)>,
    /// The applications that the files of the project suggest. They are looked for only where
    /// [`unnamed_application`] says so.
    pub found: Found,
    /// The number of CPUs that the process may use; 0 if unknown.
    pub cpus: usize,
    /// Whether the interpreter has a GIL.
    pub gil: Gil,
    /// The directory in which the process was started: relative paths begin there, whatever source
    /// they come from. `None` leaves them relative.
    pub directory: Option<PathBuf>,
    /// The identifier of the process, if the sockets that a service manager passes to it
    /// (`LISTEN_FDS`) may be used.
    pub process: Option<u32>,
    /// What the settings are for: [`System::HERE`], unless they are only looked at.
    pub system: System,
    /// What runs the program that the settings are for.
    pub packing: Packing,
}

/// The applications that the files of a project suggest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Each with what suggests it. One is served; of several, none.
    pub applications: Vec<FoundApplication>,
    /// Others, which are only hints, because files with their names may be anything.
    pub nearby: Vec<FoundApplication>,
}

/// An application that the files of a project suggest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundApplication {
    /// Its name, as `app` has it.
    pub name: String,
    /// What suggests it: the rest of a sentence, such as "`wsgi.py` has `app`".
    pub reason: String,
}

impl fmt::Display for FoundApplication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, reason } = self;
        write!(f, "found `{name}`: {reason}; to keep it, write `app = \"{name}\"` in maitred.toml")
    }
}

/// Valid settings, and the origin of each.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// Warnings.
    pub warnings: Vec<Warning>,
    /// The descriptors of the sockets that a service manager passed to the process.
    pub passed_descriptors: Range<i32>,
    pub(crate) values: BTreeMap<&'static str, (Value, Origin)>,
    /// What `dev` has not used of the settings file: its path, and the names.
    pub(crate) left_out: Option<(String, Vec<&'static str>)>,
}

impl Loaded {
    /// Where the setting `name` was set; `None` if there is no such setting.
    pub fn origin(&self, name: &str) -> Option<&Origin> {
        let setting = crate::declaration::find(name)?;
        self.values.get(setting.name).map(|(_, origin)| origin)
    }

    /// The application that was found in the files of the project, if no source names one.
    pub fn found(&self) -> Option<FoundApplication> {
        match (self.origin("app")?, &self.settings.application.app) {
            (Origin::Found(reason), Some(name)) => {
                Some(FoundApplication { name: name.clone(), reason: reason.clone() })
            }
            _ => None,
        }
    }

    /// The settings whose value is not the default, and where it comes from.
    pub fn changed(&self) -> impl Iterator<Item = (&'static Setting, &Origin)> {
        let defaults = defaults();
        settings().filter_map(move |setting| {
            let (value, origin) = self.values.get(setting.name)?;
            let is_default = defaults.get(setting).is_some_and(|default| default.value == *value);
            let is_said = !matches!(origin, Origin::Default | Origin::Development);
            (is_said && !is_default).then_some((setting, origin))
        })
    }

    /// The settings whose values in `new` a reload does not bring: they belong to the listening
    /// sockets, or to the supervisor.
    pub fn needing_restart(&self, new: &Self) -> Vec<&'static str> {
        let of_restart = settings().filter(|setting| setting.change == Change::Restart);
        let value = |loaded: &Self, name| loaded.values.get(name).map(|(value, _)| value.clone());
        let has_changed =
            |setting: &&'static Setting| value(self, setting.name) != value(new, setting.name);
        of_restart.filter(has_changed).map(|setting| setting.name).collect()
    }

    /// The settings after a reload that has read `new`: those that need a restart stay as they were.
    #[must_use]
    pub fn reloaded_with(&self, new: &Self) -> Self {
        let mut reloaded = new.clone();
        for setting in settings().filter(|setting| setting.change == Change::Restart) {
            if let Some(before) = self.values.get(setting.name) {
                reloaded.values.insert(setting.name, before.clone());
            }
        }
        reloaded
    }

    /// Says which of the settings that were set need a restart when they change, in one line, if there
    /// are any.
    pub fn restart_note(&self) -> Option<String> {
        let needs = self.changed().filter(|(setting, _)| setting.change == Change::Restart);
        let names: Vec<String> = needs.map(|(setting, _)| format!("`{}`", setting.name)).collect();
        let which = names.join(", ");
        (!names.is_empty()).then(|| format!("a reload changes all settings but these: {which}"))
    }

    /// Names the settings of the file that `maitred dev` does not use, in one line, if there are any.
    pub fn left_out_note(&self) -> Option<String> {
        let (file, names) = self.left_out.as_ref()?;
        let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
        Some(format!("`dev` does not use these settings of {file}: {}", names.join(", ")))
    }

    /// Names the settings that were set and are only accepted for compatibility with Waitress, in
    /// one line, if there are any.
    pub fn compatibility_note(&self) -> Option<String> {
        let was_set = |setting: &Setting| {
            self.values.get(setting.name).is_some_and(|(_, origin)| *origin != Origin::Default)
        };
        let names: Vec<String> = settings()
            .filter(|setting| setting.effect == Effect::Ignored && was_set(setting))
            .map(|setting| format!("`{}`", setting.name))
            .collect();
        (!names.is_empty()).then(|| {
            format!(
                "accepted for compatibility with Waitress, without effect: {}",
                names.join(", ")
            )
        })
    }
}

/// The folder in which to look for an application: none of the sources names one, and the command
/// needs it.
pub fn unnamed_application(sources: &Sources) -> Option<PathBuf> {
    let invocation = sources.invocation.as_ref().filter(|invocation| invocation.needs_app())?;
    // The problems are found again when the sources are loaded.
    let mut problems = Vec::new();
    let file = read_file(sources.file.clone(), &mut problems)?;
    let environment = environment::read(&sources.environment, &mut problems).layer;
    let keywords = keywords::read(&sources.keywords, &mut problems);
    let layers = [&file, &environment, &invocation.layer, &keywords];
    if layers.into_iter().any(|layer| is_attempted(layer, &application::APP)) {
        return None;
    }
    let chdir = layers.into_iter().rev().find_map(|layer| layer.get(&application::CHDIR));
    Some(match chdir.map(|entry| &entry.value) {
        Some(Value::Text(folder)) => path_text::to_path(folder),
        _ => ".".into(),
    })
}

fn is_attempted(layer: &Layer, setting: &Setting) -> bool {
    layer.get(setting).is_some_and(Entry::is_set) || layer.is_invalid(setting)
}

/// How the log is written, as far as the sources say so: errors in them are told in that format, too.
pub fn log_format(sources: &Sources) -> (LogFormat, LogFields) {
    // The problems are found again when the sources are loaded.
    let mut problems = Vec::new();
    let purpose = sources.invocation.as_ref().map(Invocation::purpose).unwrap_or_default();
    let file = read_file(sources.file.clone(), &mut problems);
    let file = file.filter(|_| purpose == Purpose::Production);
    let environment = environment::read(&sources.environment, &mut problems).layer;
    let keywords = keywords::read(&sources.keywords, &mut problems);
    let command_line = sources.invocation.as_ref().map(|invocation| &invocation.layer);
    let layers: Vec<&Layer> =
        file.iter().chain([&environment]).chain(command_line).chain([&keywords]).collect();
    (last_word(&layers, &observability::LOG_FORMAT), last_word(&layers, &observability::LOG_FIELDS))
}

/// The value of a choice in the last layer that has one.
fn last_word<T: Choice + Default>(layers: &[&Layer], setting: &Setting) -> T {
    let word = layers.iter().rev().find_map(|layer| match &layer.get(setting)?.value {
        Value::Text(word) => value_of(word),
        _ => None,
    });
    word.unwrap_or_default()
}

/// Reads, merges and checks the sources.
///
/// # Errors
///
/// Every error in every source, including errors in values that a later source overrides, because
/// they would appear as soon as that source is removed.
pub fn load(sources: Sources) -> Result<Loaded, Problems> {
    let mut problems = Vec::new();
    let mut warnings = Vec::new();
    let Sources { cpus, gil, system, packing, .. } = sources;
    let machine = Machine { cpus, gil, system, packing };
    let path = sources.file.as_ref().map(|file| file.candidate.path.clone());
    let mut file = read_file(sources.file, &mut problems);
    let found = environment::read(&sources.environment, &mut problems);
    // An invalid flag or an unreadable file may be the reason why no application is known.
    let needs_app =
        file.is_some() && sources.invocation.as_ref().is_some_and(Invocation::needs_app);
    let purpose = sources.invocation.as_ref().map(Invocation::purpose).unwrap_or_default();
    let names = match &mut file {
        Some(file) if purpose == Purpose::Development => development::leave_out(file),
        _ => Vec::new(),
    };
    let left_out = path.filter(|_| !names.is_empty()).map(|path| (path, names));
    let command_line = sources.invocation.map(|invocation| {
        problems.extend(invocation.problems);
        invocation.layer
    });
    let keywords = keywords::read(&sources.keywords, &mut problems);

    let mut layers: Vec<_> = file.into_iter().chain([found.layer]).chain(command_line).collect();
    layers.push(keywords);
    resolve_ways(&mut layers, &mut problems, &mut warnings);
    let is_wanted = |setting: &Setting| crate::merge::wants_fallback(setting, &layers);
    let fallbacks = environment::read_fallbacks(&sources.environment, is_wanted, &mut problems);
    layers.insert(0, fallbacks);
    let names_app = layers.iter().any(|layer| is_attempted(layer, &application::APP));
    if needs_app && !names_app {
        layers.insert(0, found_application(&sources.found, &mut problems));
    }
    let passed = socket_activation::passed_descriptors(&sources.environment, sources.process);
    socket_activation::apply(&mut layers, passed.clone(), &mut problems, &mut warnings);
    if purpose == Purpose::Development {
        layers.insert(0, development::defaults(&layers, machine));
    }
    let defaults = defaults();
    layers.insert(0, derived::derive(&defaults, &layers));
    layers.insert(0, defaults);
    if let Some(directory) = &sources.directory {
        layers.iter_mut().for_each(|layer| layer.make_absolute(directory));
    }

    let merged = merge(layers);
    if merged.flag(&application::STRICT_ENV) {
        problems.extend(found.unknown);
    } else {
        warnings.extend(found.unknown.into_iter().map(Warning));
    }
    crate::conflicts::check(&merged, machine, &mut problems, &mut warnings);
    Problems::from_list(problems)?;
    let mut settings = crate::assembly::settings(&merged, machine)?;
    settings.purpose = purpose;
    settings.observability.colours = ColourUse::of(&sources.environment);
    let values = crate::declaration::settings()
        .map(|setting| (setting.name, (merged.value(setting), merged.origin(setting))))
        .collect();
    Ok(Loaded { settings, warnings, passed_descriptors: passed, values, left_out })
}

/// The layer with the application that was found; otherwise, the problem that there is none or that
/// there are several.
fn found_application(found: &Found, problems: &mut Vec<Problem>) -> Layer {
    let mut layer = Layer::new("found", Syntax::Text);
    let named = |found: &FoundApplication| format!("`maitred {}` ({})", found.name, found.reason);
    match found.applications.as_slice() {
        [only] => {
            let origin = Origin::Found(only.reason.clone());
            layer.set(&application::APP, &Value::Text(only.name.clone()), origin.into(), problems);
        }
        [] => {
            let problem = Problem::new("there is no application to serve");
            problems.push(match found.nearby.first() {
                Some(near) => problem.hinting(format!("did you mean {}?", named(near))),
                None => problem.hinting("name it, as in `maitred package.module:attribute`"),
            });
        }
        several => {
            let names: Vec<_> = several.iter().map(|one| format!("`{}`", one.name)).collect();
            let which: Vec<_> = several.iter().map(named).collect();
            let message = format!("there are several applications: {}", names.join(" and "));
            let hint = format!("name the one to serve: {}", which.join(", or "));
            problems.push(Problem::new(message).hinting(hint));
        }
    }
    layer
}

impl Default for Settings {
    /// The declared defaults, parsed like every other value.
    fn default() -> Self {
        let defaults = merge(vec![defaults()]);
        crate::assembly::settings(&defaults, Machine::default())
            .expect("a test reads every declared default")
    }
}

/// The declared defaults, as the lowest layer.
pub(crate) fn defaults() -> Layer {
    let mut layer = Layer::new("default", Syntax::Text);
    let mut problems = Vec::new();
    for setting in settings() {
        if let Some(default) = setting.default {
            let value = Value::Text(default.into());
            layer.set(setting, &value, Location::from(Origin::Default), &mut problems);
        }
    }
    debug_assert!(problems.is_empty(), "a declared default cannot be read: {problems:?}");
    layer
}

/// The layer of the settings file; `None` if the file could not be read.
pub(crate) fn read_file(file: Option<SettingsFile>, problems: &mut Vec<Problem>) -> Option<Layer> {
    let Some(SettingsFile { candidate, contents }) = file else {
        return Some(Layer::new("file", Syntax::Typed));
    };
    let path = candidate.path;
    let bytes = match contents {
        Ok(bytes) => bytes,
        Err(reason) => {
            let path = path_text::shown(&path);
            let problem = Problem::new(format!("cannot read the settings file `{path}`: {reason}"));
            problems.push(match candidate.named_by {
                Some(origin) => problem.at(&origin.into()),
                None => problem,
            });
            return None;
        }
    };
    if std::path::Path::new(&path).extension().is_some_and(|extension| extension == "py") {
        // gunicorn's settings file is Python, every line of which would be a syntax error.
        let path = path_text::shown(&path);
        let message = format!("`{path}` is Python, but settings files are TOML");
        let hint = format!("`maitred config import {path}` converts one of gunicorn");
        problems.push(Problem::new(message).hinting(hint));
        return None;
    }
    match String::from_utf8(bytes) {
        Ok(text) => {
            let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
            toml::read(&Arc::new(SourceText { path, text }), problems)
        }
        Err(error) => {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let text = String::from_utf8_lossy(valid).into_owned();
            let end = text.len();
            let source = Arc::new(SourceText { path, text });
            let location = Location::in_file(&source, end..end);
            problems.push(Problem::new("the settings file is not valid UTF-8 here").at(&location));
            None
        }
    }
}
