//! The sockets that a service manager has bound and passes to the process: systemd, with
//! `LISTEN_FDS` and `LISTEN_PID` (sd_listen_fds(3)).
//!
//! They are used if nothing else says where to listen, `$PORT` included. Otherwise, a warning names
//! those that are not used, because whoever passes a socket expects it to be served.

use std::ops::Range;

use super::Layer;
use crate::declaration::network::LISTEN;
use crate::kinds::Syntax;
use crate::merge::way_to_listen;
use crate::origin::{Location, Origin};
use crate::problem::{Problem, Warning};
use crate::raw_value::Value;

const COUNT: &str = "LISTEN_FDS";
const PROCESS: &str = "LISTEN_PID";

/// The first descriptor that is passed.
const FIRST: i32 = 3;

/// The most sockets that one service may be passed: more than any has, and few enough to be listed.
const PASSED_MAX: u32 = 64;

/// The descriptors of the sockets that were passed to `process`. Those of another process are none: a
/// program that a service starts inherits its variables.
pub(crate) fn passed_descriptors(
    variables: &[(String, String)],
    process: Option<u32>,
) -> Range<i32> {
    let number = |wanted: &str| {
        let (_, value) = variables.iter().rev().find(|(name, _)| name == wanted)?;
        value.parse::<u32>().ok()
    };
    let is_ours = process.is_some() && number(PROCESS) == process;
    let count = number(COUNT).filter(|_| is_ours).unwrap_or(0).min(PASSED_MAX);
    let count = i32::try_from(count).unwrap_or(0);
    FIRST..FIRST + count
}

/// Adds the sockets as the lowest layer, or warns of those that are not used.
pub(crate) fn apply(
    layers: &mut Vec<Layer>,
    passed: Range<i32>,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Warning>,
) {
    if passed.is_empty() {
        return;
    }
    let passed = passed.map(|descriptor| format!("fd://{descriptor}"));
    let location = Location::from(Origin::Variable(COUNT.into()));
    let Some((setting, said)) = way_to_listen(layers) else {
        let mut layer = Layer::new("socket activation", Syntax::Typed);
        let addresses = passed.map(Value::Text).collect();
        layer.set(&LISTEN, &Value::List(addresses), location, problems);
        layers.insert(0, layer);
        return;
    };
    let used: &[Value] = match &said.value {
        Value::List(addresses) => addresses,
        _ => &[],
    };
    let unused: Vec<String> =
        passed.filter(|address| !used.contains(&Value::Text(address.clone()))).collect();
    if !unused.is_empty() {
        let message = format!("the passed socket {} is not used", unused.join(", "));
        let hint = format!(
            "`{}` says where to listen: {}; leave it out, or write `listen = \"{}\"`",
            setting.name, said.location.origin, unused[0]
        );
        warnings.push(Warning(Problem::new(message).at(&location).hinting(hint)));
    }
}
