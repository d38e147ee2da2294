//! Values that follow from other settings: the timeouts of a connection from `channel-timeout`, and
//! those of processes from `reload`.
//!
//! Waitress has one timeout for all that a connection waits for, and its users set it, often longer
//! than the idle time of the proxy in front. So where the others are not set, none is longer than
//! `channel-timeout`, and one that was set above its default makes them as long: a client that may be
//! idle that long may also pause within a request. Only the head of a request does not follow it
//! upwards, because a slow head is what an attack looks like.
//!
//! `reload` is for development: no timeout ends a process that a debugger has stopped, and what runs
//! in the old process does not hold up the new code.
//!
//! What was set is used as it is.

use super::Layer;
use crate::declaration::Setting;
use crate::declaration::processes::{RELOAD, START_TIMEOUT, WORKER_TIMEOUT};
use crate::declaration::timeouts::{
    BODY_TIMEOUT, CHANNEL_TIMEOUT, GRACEFUL_TIMEOUT, HEADER_TIMEOUT, KEEP_ALIVE_TIMEOUT,
    WRITE_TIMEOUT,
};
use crate::origin::{Location, Origin};
use crate::raw_value::Value;

/// How a timeout follows `channel-timeout` beyond its default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Upwards {
    Follows,
    Stays,
}

const FOLLOWERS: [(&Setting, Upwards); 4] = [
    (&KEEP_ALIVE_TIMEOUT, Upwards::Follows),
    (&HEADER_TIMEOUT, Upwards::Stays),
    (&BODY_TIMEOUT, Upwards::Follows),
    (&WRITE_TIMEOUT, Upwards::Follows),
];

/// The timeouts that `reload` changes, in milliseconds: never, a day, and a second.
const IN_DEVELOPMENT: [(&Setting, i64); 3] =
    [(&WORKER_TIMEOUT, 0), (&START_TIMEOUT, 24 * 60 * 60 * 1000), (&GRACEFUL_TIMEOUT, 1000)];

/// The layer of derived values, between the defaults and what was set.
pub(crate) fn derive(defaults: &Layer, layers: &[Layer]) -> Layer {
    let mut derived = Layer::derived();
    connections(defaults, layers, &mut derived);
    let reload = layers.iter().rev().find_map(|layer| layer.get(&RELOAD));
    if reload.is_some_and(|reload| reload.value == Value::Bool(true)) {
        for (setting, value) in IN_DEVELOPMENT {
            let location = Location::from(Origin::Setting(RELOAD.name));
            derived.insert(setting, Value::Int(value), location);
        }
    }
    derived
}

/// Adds the timeouts that follow `channel-timeout`, if it was set.
fn connections(defaults: &Layer, layers: &[Layer], derived: &mut Layer) {
    let set = layers.iter().rev().find_map(|layer| milliseconds(layer, &CHANNEL_TIMEOUT));
    let (Some(channel), Some(default)) = (set, milliseconds(defaults, &CHANNEL_TIMEOUT)) else {
        return;
    };
    for (setting, upwards) in FOLLOWERS {
        let Some(own) = milliseconds(defaults, setting) else { continue };
        let follows = channel > default && upwards == Upwards::Follows;
        let value = if follows { channel } else { own.min(channel) };
        if value != own {
            let location = Location::from(Origin::Setting(CHANNEL_TIMEOUT.name));
            derived.insert(setting, Value::Int(value), location);
        }
    }
}

/// Whether a setting may follow another one.
pub(crate) fn is_derived(setting: &Setting) -> bool {
    let followers = FOLLOWERS.iter().map(|(follower, _)| follower.name);
    let in_development = IN_DEVELOPMENT.iter().map(|(follower, _)| follower.name);
    followers.chain(in_development).any(|name| name == setting.name)
}

fn milliseconds(layer: &Layer, setting: &Setting) -> Option<i64> {
    match layer.get(setting)?.value {
        Value::Int(milliseconds) => Some(milliseconds),
        _ => None,
    }
}
