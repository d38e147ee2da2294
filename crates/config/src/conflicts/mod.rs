//! Checks combinations of settings that are valid one by one.

mod addresses;
mod processes;
mod timeouts;

use addresses::listens_at_unix;

use crate::assembly::Machine;
use crate::declaration::Setting;
use crate::declaration::application::URL_SCHEME;
use crate::declaration::network::UNIX_SOCKET_PERMS;
use crate::declaration::observability::{
    ACCESS_LOG, ACCESS_LOG_EXCLUDE, ACCESS_LOG_FORMAT, ACCESS_LOG_QUERY, LOG_FIELDS, LOG_FORMAT,
    REQUEST_ID,
};
use crate::declaration::processes::{MAX_REQUESTS, MAX_REQUESTS_JITTER};
use crate::declaration::proxy::{TRUSTED_PROXY, TRUSTED_PROXY_COUNT, TRUSTED_PROXY_HEADERS};
use crate::merge::Merged;
use crate::problem::{Problem, Warning};
use crate::raw_value::Value;
use crate::suggestion::nearest;

/// Checks every combination.
pub(crate) fn check(
    merged: &Merged,
    machine: Machine,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Warning>,
) {
    addresses::check(merged, machine, problems);
    proxies(merged, problems, warnings);
    without_effect(merged, warnings);
    url_scheme(merged, warnings);
    timeouts::check(merged, warnings);
    processes::check(merged, machine, problems);
}

fn proxies(merged: &Merged, problems: &mut Vec<Problem>, warnings: &mut Vec<Warning>) {
    let trusted = merged.location(&TRUSTED_PROXY);
    for setting in [&TRUSTED_PROXY_COUNT, &TRUSTED_PROXY_HEADERS] {
        if merged.is_attempted(&TRUSTED_PROXY) {
            continue;
        }
        if let Some(location) = merged.changed_location(setting) {
            let message = format!("`{}` needs `trusted-proxy`", setting.name);
            let hint = "without it, no proxy is trusted";
            problems.push(Problem::new(message).at(location).hinting(hint));
        }
    }
    if let (Some(location), false) = (trusted, merged.is_attempted(&TRUSTED_PROXY_HEADERS)) {
        let message =
            "`trusted-proxy` without `trusted-proxy-headers` trusts only `x-forwarded-proto`";
        let hint = "list the fields that your proxy sets in `trusted-proxy-headers`";
        warnings.push(Warning(Problem::new(message).at(location).hinting(hint)));
    }
    let trusts_unix =
        merged.get::<Vec<String>>(&TRUSTED_PROXY).iter().any(|word| word == "localhost");
    if let (Some(location), true) = (trusted, trusts_unix && !listens_at_unix(merged)) {
        let message = "`localhost` in `trusted-proxy` means Unix sockets, but there is none";
        let hint = "for a proxy on this machine, write `127.0.0.1` and `::1`";
        warnings.push(Warning(Problem::new(message).at(location).hinting(hint)));
    }
    if let (None, Some(location), "pass") =
        (trusted, merged.location(&REQUEST_ID), merged.get::<String>(&REQUEST_ID).as_str())
    {
        let message = "`request-id` is `pass`, but no proxy is trusted to send one";
        warnings.push(Warning(Problem::new(message).at(location).hinting("set `trusted-proxy`")));
    }
}

/// Notes settings that were set but have no effect.
fn without_effect(merged: &Merged, warnings: &mut Vec<Warning>) {
    let json = |setting| merged.get::<String>(setting) == "json";
    let is_json = json(&LOG_FORMAT) || json(&ACCESS_LOG_FORMAT);
    let has_access_log = merged.value(&ACCESS_LOG) != Value::None;
    let replaces = merged.get::<u64>(&MAX_REQUESTS) > 0 || !merged.is_attempted(&MAX_REQUESTS);
    let needs: [(&Setting, &str, bool); 6] = [
        (&ACCESS_LOG_FORMAT, "`access-log` is not set", has_access_log),
        (&ACCESS_LOG_EXCLUDE, "`access-log` is not set", has_access_log),
        (&ACCESS_LOG_QUERY, "`access-log` is not set", has_access_log),
        (&LOG_FIELDS, "no log is JSON", is_json),
        (&UNIX_SOCKET_PERMS, "there is no Unix socket", listens_at_unix(merged)),
        (&MAX_REQUESTS_JITTER, "`max-requests` is 0", replaces),
    ];
    for (setting, reason, is_used) in needs {
        if let (Some(location), false) = (merged.changed_location(setting), is_used) {
            let message = format!("`{}` has no effect: {reason}", setting.name);
            warnings.push(Warning(Problem::new(message).at(location)));
        }
    }
}

/// Notes a scheme that is neither of the two that applications compare it with.
fn url_scheme(merged: &Merged, warnings: &mut Vec<Warning>) {
    const SCHEMES: [&str; 2] = ["http", "https"];
    let scheme: String = merged.get(&URL_SCHEME);
    let Some(location) = merged.location(&URL_SCHEME) else { return };
    if !SCHEMES.contains(&scheme.as_str()) {
        let message = format!("`url-scheme` is `{scheme}`, and neither `http` nor `https`");
        let problem = Problem::new(message).at(location);
        warnings.push(Warning(match nearest(&scheme, SCHEMES) {
            Some(right) => problem.hinting(format!("did you mean `{right}`?")),
            None => problem,
        }));
    }
}
