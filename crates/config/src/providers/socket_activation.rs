//! The sockets that a service manager has bound and passes to the process: systemd, with
//! `LISTEN_FDS` and `LISTEN_PID` (sd_listen_fds(3)).
//!
//! They are used if nothing else says where to listen, `$PORT` included. Otherwise, a warning names
//! those that are not used, because whoever passes a socket expects it to be served.

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
const FIRST: u32 = 3;

/// The most sockets that one service may be passed: more than any has, and few enough to be listed.
const PASSED_MAX: u32 = 64;

/// The addresses of the passed sockets: `fd://3`, `fd://4` … Those of another process are none: a
/// program that a service starts inherits its variables.
pub(crate) fn passed(variables: &[(String, String)], process: Option<u32>) -> Vec<String> {
    let number = |wanted: &str| {
        let (_, value) = variables.iter().rev().find(|(name, _)| name == wanted)?;
        value.parse::<u32>().ok()
    };
    let is_ours = process.is_some() && number(PROCESS) == process;
    let count = number(COUNT).filter(|_| is_ours).unwrap_or(0).min(PASSED_MAX);
    (FIRST..FIRST + count).map(|descriptor| format!("fd://{descriptor}")).collect()
}

/// Adds the sockets as the lowest layer, or warns of those that are not used.
pub(crate) fn apply(
    layers: &mut Vec<Layer>,
    passed: Vec<String>,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Warning>,
) {
    if passed.is_empty() {
        return;
    }
    let location = Location::from(Origin::Variable(COUNT.into()));
    let Some((setting, said)) = way_to_listen(layers) else {
        let mut layer = Layer::new("socket activation", Syntax::Typed);
        let addresses = passed.into_iter().map(Value::Text).collect();
        layer.set(&LISTEN, &Value::List(addresses), location, problems);
        layers.insert(0, layer);
        return;
    };
    let used: &[Value] = match &said.value {
        Value::List(addresses) => addresses,
        _ => &[],
    };
    let unused: Vec<String> = passed
        .into_iter()
        .filter(|address| !used.contains(&Value::Text(address.clone())))
        .collect();
    if !unused.is_empty() {
        let message = format!("the passed socket {} is not used", unused.join(", "));
        let hint = format!(
            "`{}` says where to listen: {}; leave it out, or write `listen = \"{}\"`",
            setting.name, said.location.origin, unused[0]
        );
        warnings.push(Warning(Problem::new(message).at(&location).hinting(hint)));
    }
}
