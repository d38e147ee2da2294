//! `/statusz` as text: what matters first, and the settings, which are long, last.

use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::Value;

/// The parts that come first, in this order. Those that are not named follow by name.
const FIRST: [&str; 9] = [
    "state",
    "uptime_seconds",
    "now",
    "requests",
    "queue",
    "threads",
    "supervisor",
    "workers",
    "connections",
];

/// The part that comes last.
const LAST: &str = "settings";

/// A status in the order in which it is read.
struct InOrder(Value);

impl Serialize for InOrder {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Value::Object(parts) = &self.0 else { return self.0.serialize(serializer) };
        let mut parts: Vec<_> = parts.iter().collect();
        // The sort is stable, and they were sorted by name.
        parts.sort_by_key(|(name, _)| {
            let first = FIRST.iter().position(|first| first == name);
            (*name == LAST, first.unwrap_or(FIRST.len()))
        });
        let mut map = serializer.serialize_map(Some(parts.len()))?;
        for (name, part) in parts {
            map.serialize_entry(name, part)?;
        }
        map.end()
    }
}

/// The text of a status; `now` says what happened in the last seconds.
pub(super) fn text(mut status: Value, now: Value) -> String {
    if let Some(parts) = status.as_object_mut() {
        parts.insert("now".into(), now);
    }
    // A value that was made in memory can be written to memory.
    serde_json::to_string_pretty(&InOrder(status)).unwrap_or_default() + "\n"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_matters_comes_first_and_the_settings_once_and_last() {
        let status = json!({
            "version": "1", "settings": { "threads": 4 }, "state": "ready", "pid": 7,
            "connections": {}, "queue": {}, "uptime_seconds": 1.5,
        });
        let text = text(status, json!({}));
        let names: Vec<_> =
            text.lines().filter_map(|line| line.strip_prefix("  \"")?.split('"').next()).collect();
        let expected = [
            "state",
            "uptime_seconds",
            "now",
            "queue",
            "connections",
            "pid",
            "version",
            "settings",
        ];
        assert_eq!(names, expected);
    }
}
