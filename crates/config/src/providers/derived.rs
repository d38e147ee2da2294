//! Values that follow from other settings: the timeouts of a connection, from `channel-timeout`.
//!
//! Waitress has one timeout for all that a connection waits for, and its users set it, often longer
//! than the idle time of the proxy in front. So where the others are not set, none is longer than
//! `channel-timeout`, and one that was set above its default makes them as long: a client that may be
//! idle that long may also pause within a request. Only the head of a request does not follow it
//! upwards, because a slow head is what an attack looks like. What was set is used as it is.

use super::Layer;
use crate::declaration::Setting;
use crate::declaration::timeouts::{
    BODY_TIMEOUT, CHANNEL_TIMEOUT, HEADER_TIMEOUT, KEEP_ALIVE_TIMEOUT, WRITE_TIMEOUT,
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

/// The layer of derived values, between the defaults and what was set; empty if `channel-timeout` was
/// not set.
pub(crate) fn derive(defaults: &Layer, layers: &[Layer]) -> Layer {
    let mut derived = Layer::derived();
    let set = layers.iter().rev().find_map(|layer| milliseconds(layer, &CHANNEL_TIMEOUT));
    let (Some(channel), Some(default)) = (set, milliseconds(defaults, &CHANNEL_TIMEOUT)) else {
        return derived;
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
    derived
}

fn milliseconds(layer: &Layer, setting: &Setting) -> Option<i64> {
    match layer.get(setting)?.value {
        Value::Int(milliseconds) => Some(milliseconds),
        _ => None,
    }
}
