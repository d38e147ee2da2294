//! Settings in environment variables: `MAITRED_` and the name in capitals.
//!
//! Variables that Kubernetes sets for a Service called `maitred`
//! (`MAITRED_PORT=tcp://10.0.0.1:80`, `MAITRED_SERVICE_HOST`) are recognised and skipped.

use super::Layer;
use crate::declaration::{Setting, settings};
use crate::kinds::Syntax;
use crate::origin::{Location, Origin};
use crate::problem::Problem;
use crate::raw_value::Value;
use crate::suggestion::nearest;

/// The name of the layer.
pub(crate) const NAME: &str = "environment";

/// The variable that names the settings file.
pub(crate) const FILE_VARIABLE: &str = "MAITRED_CONFIG";

/// The variable that tells a worker process its number; no setting.
const WORKER_VARIABLE: &str = "MAITRED_WORKER";

const PREFIX: &str = "MAITRED_";

/// The settings of the environment, and a problem for each unknown `MAITRED_*` variable.
pub(crate) struct Environment {
    pub(crate) layer: Layer,
    pub(crate) unknown: Vec<Problem>,
}

/// Reads the variables.
pub(crate) fn read(variables: &[(String, String)], problems: &mut Vec<Problem>) -> Environment {
    let mut layer = Layer::new(NAME, Syntax::Text);
    let mut unknown = Vec::new();
    for (name, value) in variables {
        if !name.starts_with(PREFIX)
            || [FILE_VARIABLE, WORKER_VARIABLE].contains(&name.as_str())
            || is_service_link(name, value)
        {
            continue;
        }
        let location = location(name);
        match settings().find(|setting| setting.variable() == *name) {
            Some(setting) if setting.is_written() => {
                layer.set(setting, &Value::Text(value.clone()), location, problems);
            }
            Some(setting) => {
                let message = format!("`{}` can only be a keyword of `serve()`", setting.name);
                problems.push(Problem::new(message).at(&location));
            }
            None => unknown.push(unknown_variable(name, &location)),
        }
    }
    Environment { layer, unknown }
}

/// Reads the variables that platforms set for any server: `$PORT` and `$WEB_CONCURRENCY`. They
/// apply only if no other source sets the setting.
pub(crate) fn read_fallbacks(
    variables: &[(String, String)],
    is_wanted: impl Fn(&Setting) -> bool,
    problems: &mut Vec<Problem>,
) -> Layer {
    let mut layer = Layer::new("platform", Syntax::Text);
    for setting in settings() {
        let Some(variable) = setting.fallback_variable else { continue };
        let given = variables.iter().rev().find(|(name, _)| name == variable);
        let Some((name, value)) = given.filter(|(name, value)| {
            !value.trim().is_empty() && !is_service_link(name, value) && is_wanted(setting)
        }) else {
            continue;
        };
        layer.set(setting, &Value::Text(value.clone()), location(name), problems);
    }
    layer
}

fn location(name: &str) -> Location {
    Origin::Variable(crate::raw_value::shortened(name)).into()
}

fn unknown_variable(name: &str, location: &Location) -> Problem {
    let problem = Problem::new(format!("unknown setting `{}`", crate::raw_value::shortened(name)))
        .at(location);
    let plain = name.trim_start_matches(PREFIX).to_ascii_lowercase().replace('_', "-");
    let names = settings().filter(|setting| setting.is_written()).map(|setting| setting.name);
    match (crate::other_servers::advice(&plain), nearest(&plain, names)) {
        (Some(advice), _) => problem.hinting(advice),
        (None, Some(right)) => {
            let variable = format!("{PREFIX}{}", right.replace('-', "_").to_ascii_uppercase());
            problem.hinting(format!("did you mean `{variable}`?"))
        }
        (None, None) => problem,
    }
}

/// Whether Kubernetes set the variable for a Service whose name begins with `maitred` (a "service
/// link"): its value is an address such as `tcp://10.0.0.1:80`, or its name has a fixed form.
fn is_service_link(name: &str, value: &str) -> bool {
    let is_address = ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
    let is_part = |after: &str| {
        let Some((number, rest)) = after.split_once('_') else { return false };
        let transport = rest.split('_').next().unwrap_or_default();
        !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
            && ["TCP", "UDP", "SCTP"].contains(&transport)
    };
    is_address
        || name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || name.match_indices("_PORT_").any(|(at, found)| is_part(&name[at + found.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kubernetes_makes_for_a_service_of_our_name_is_no_setting() {
        for (name, value) in [
            ("MAITRED_PORT", "tcp://10.0.0.1:80"),
            ("MAITRED_PORT_80_TCP", "tcp://10.0.0.1:80"),
            ("MAITRED_PORT_80_TCP_PROTO", "tcp"),
            ("MAITRED_PORT_53_UDP_ADDR", "10.0.0.1"),
            ("MAITRED_SERVICE_HOST", "10.0.0.1"),
            ("MAITRED_SERVICE_PORT", "80"),
            ("MAITRED_SERVICE_PORT_HTTP", "80"),
            ("MAITRED_WEB_SERVICE_HOST", "10.0.0.1"),
            ("MAITRED_WEB_PORT", "tcp://10.0.0.1:80"),
        ] {
            assert!(is_service_link(name, value), "{name}");
        }
        assert!(!is_service_link("MAITRED_PORT", "8000"));
        assert!(!is_service_link("MAITRED_PORT_RANGE", "1"));
    }
}
