//! Settings for a server that is one process, whatever they say: one that serves an application object,
//! which no other process could import.

use crate::declaration::settings;
use crate::load::{Loaded, defaults};
use crate::origin::Origin;
use crate::raw_value::Value;
use crate::settings::Settings;

/// The settings that need worker processes.
const NEED_WORKERS: [&str; 6] =
    ["workers", "supervisor", "preload", "max-requests", "max-rss", "reload"];

impl Loaded {
    /// Leaves out what the settings say of worker processes. Returns what was set, and where.
    pub fn in_one_process(&mut self) -> Vec<(&'static str, Origin)> {
        let changed = self.changed().filter(|(setting, _)| NEED_WORKERS.contains(&setting.name));
        let left_out: Vec<_> =
            changed.map(|(setting, origin)| (setting.name, origin.clone())).collect();
        let defaults = defaults();
        for setting in settings().filter(|setting| NEED_WORKERS.contains(&setting.name)) {
            let value = defaults.get(setting).map_or(Value::None, |entry| entry.value.clone());
            self.values.insert(setting.name, (value, Origin::Default));
        }
        let (processes, default) = (&mut self.settings.processes, Settings::default().processes);
        processes.workers = default.workers;
        processes.supervisor = default.supervisor;
        processes.preload = default.preload;
        processes.max_requests = default.max_requests;
        processes.max_rss = default.max_rss;
        processes.reload = default.reload;
        left_out
    }
}
