//! Checks timeouts against each other: which of them follow, and which come first.

use crate::declaration::timeouts::{
    BODY_TIMEOUT, CHANNEL_TIMEOUT, HEADER_TIMEOUT, KEEP_ALIVE_TIMEOUT, REQUEST_TIMEOUT,
    SLOW_REQUEST, WRITE_TIMEOUT,
};
use crate::merge::Merged;
use crate::problem::{Problem, Warning};
use crate::values::quantity::write_duration;

/// Checks them.
pub(super) fn check(merged: &Merged, warnings: &mut Vec<Warning>) {
    longer_than_channel(merged, warnings);
    left_behind_by_channel(merged, warnings);
    slow_request(merged, warnings);
}

/// Notes timeouts that were set longer than `channel-timeout`, which Waitress does not have apart.
fn longer_than_channel(merged: &Merged, warnings: &mut Vec<Warning>) {
    let channel = merged.get::<i64>(&CHANNEL_TIMEOUT);
    for setting in [&KEEP_ALIVE_TIMEOUT, &HEADER_TIMEOUT, &BODY_TIMEOUT, &WRITE_TIMEOUT] {
        let own = merged.get::<i64>(setting);
        if let Some(location) = merged.location(setting)
            && channel > 0
            && own > channel
        {
            let message = format!(
                "`{}` ({}) is longer than `channel-timeout` ({}), and is used",
                setting.name,
                write_duration(own),
                write_duration(channel)
            );
            warnings.push(Warning(Problem::new(message).at(location)));
        }
    }
}

/// Notes timeouts that would follow a longer `channel-timeout`, were they not set to what is their
/// default: a file that was made from all defaults does so, and nobody who means it.
fn left_behind_by_channel(merged: &Merged, warnings: &mut Vec<Warning>) {
    if merged.get::<i64>(&CHANNEL_TIMEOUT) <= merged.default::<i64>(&CHANNEL_TIMEOUT) {
        return;
    }
    for setting in [&KEEP_ALIVE_TIMEOUT, &BODY_TIMEOUT, &WRITE_TIMEOUT] {
        let own = merged.get::<i64>(setting);
        if let Some(location) = merged.location(setting)
            && own == merged.default::<i64>(setting)
        {
            let message = format!(
                "`{}` is set to its default ({}), and so does not follow `channel-timeout` ({})",
                setting.name,
                write_duration(own),
                write_duration(merged.get(&CHANNEL_TIMEOUT))
            );
            let hint = "leave it out";
            warnings.push(Warning(Problem::new(message).at(location).hinting(hint)));
        }
    }
}

/// Notes a stack that is logged when `request-timeout` has already done so.
fn slow_request(merged: &Merged, warnings: &mut Vec<Warning>) {
    let (slow, limit) = (merged.get::<i64>(&SLOW_REQUEST), merged.get::<i64>(&REQUEST_TIMEOUT));
    if let Some(location) = merged.location(&SLOW_REQUEST)
        && (1..=slow).contains(&limit)
    {
        let message = format!(
            "`slow-request` ({}) has no effect: `request-timeout` ({}) logs the stack before",
            write_duration(slow),
            write_duration(limit)
        );
        warnings.push(Warning(Problem::new(message).at(location)));
    }
}
