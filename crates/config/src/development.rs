//! `maitred dev`: other defaults, and what it leaves out of the settings file.
//!
//! A settings file is written for production. What it says about the application holds here, too; where
//! it says how the server is deployed, a laptop is another place. Environment and command line win
//! over everything, as ever.

use crate::assembly::Machine;
use crate::declaration::application::URL_SCHEME;
use crate::declaration::network::{
    ADMIN_LISTEN, HOST, IPV4, IPV6, LISTEN, PORT, SOCKETS, UNIX_SOCKET, UNIX_SOCKET_PERMS,
};
use crate::declaration::observability::{
    ACCESS_LOG, ACCESS_LOG_EXCLUDE, ACCESS_LOG_FORMAT, ACCESS_LOG_QUERY, EXPOSE_TRACEBACKS,
    LOG_FIELDS, LOG_FORMAT, REQUEST_ID,
};
use crate::declaration::processes::{
    MAX_REQUESTS, MAX_REQUESTS_JITTER, MAX_RSS, PRELOAD, RELOAD, START_TIMEOUT, SUPERVISOR,
    WORKER_TIMEOUT, WORKERS,
};
use crate::declaration::proxy::{
    CLEAR_UNTRUSTED_PROXY_HEADERS, LOG_UNTRUSTED_PROXY_HEADERS, TRUSTED_PROXY, TRUSTED_PROXY_COUNT,
    TRUSTED_PROXY_HEADERS,
};
use crate::declaration::timeouts::{DRAIN_DELAY, GRACEFUL_TIMEOUT, REQUEST_TIMEOUT};
use crate::declaration::{Setting, settings};
use crate::kinds::Syntax;
use crate::origin::{Location, Origin};
use crate::providers::{Entry, Layer};
use crate::raw_value::Value;

/// What the settings are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Purpose {
    /// To serve.
    #[default]
    Production,
    /// To write code: `maitred dev`.
    Development,
}

/// What a settings file says about a deployment: where to listen, how clients get there, the processes,
/// the logs, and times that would end a debugger.
const OF_DEPLOYMENTS: [&Setting; 34] = [
    &URL_SCHEME,
    &HOST,
    &PORT,
    &LISTEN,
    &IPV4,
    &IPV6,
    &UNIX_SOCKET,
    &UNIX_SOCKET_PERMS,
    &SOCKETS,
    &ADMIN_LISTEN,
    &WORKERS,
    &SUPERVISOR,
    &PRELOAD,
    &RELOAD,
    &MAX_REQUESTS,
    &MAX_REQUESTS_JITTER,
    &MAX_RSS,
    &WORKER_TIMEOUT,
    &START_TIMEOUT,
    &REQUEST_TIMEOUT,
    &DRAIN_DELAY,
    &GRACEFUL_TIMEOUT,
    &TRUSTED_PROXY,
    &TRUSTED_PROXY_COUNT,
    &TRUSTED_PROXY_HEADERS,
    &LOG_UNTRUSTED_PROXY_HEADERS,
    &CLEAR_UNTRUSTED_PROXY_HEADERS,
    &ACCESS_LOG,
    &ACCESS_LOG_FORMAT,
    &ACCESS_LOG_QUERY,
    &ACCESS_LOG_EXCLUDE,
    &LOG_FORMAT,
    &LOG_FIELDS,
    &EXPOSE_TRACEBACKS,
];

/// The defaults, as they are written.
const DEFAULTS: [(&Setting, &str); 8] = [
    (&HOST, "127.0.0.1"),
    (&ACCESS_LOG, "-"),
    (&ACCESS_LOG_FORMAT, "console"),
    (&LOG_FORMAT, "console"),
    (&EXPOSE_TRACEBACKS, "true"),
    (&WORKER_TIMEOUT, "0"),
    (&START_TIMEOUT, "24h"),
    (&GRACEFUL_TIMEOUT, "1s"),
];

/// Takes out of the settings file what `dev` does not use. Returns the names.
pub(crate) fn leave_out(file: &mut Layer) -> Vec<&'static str> {
    // IDs that a proxy sends; those that the server makes itself are there for an application, too.
    let is_of_proxy =
        file.get(&REQUEST_ID).is_some_and(|id| id.value == Value::Text("pass".into()));
    let was_set = |setting: &&Setting| file.remove(setting).as_ref().is_some_and(Entry::is_set);
    let of_proxy = is_of_proxy.then_some(&REQUEST_ID);
    let left_out: Vec<_> = OF_DEPLOYMENTS.into_iter().chain(of_proxy).filter(was_set).collect();
    // In the order in which settings are listed.
    let is_left_out = |setting: &&Setting| left_out.iter().any(|out| out.name == setting.name);
    settings().filter(is_left_out).map(|setting| setting.name).collect()
}

/// The layer of the defaults, below everything that was set. Code is reloaded with a single worker,
/// and where there can be a supervisor.
pub(crate) fn defaults(layers: &[Layer], machine: Machine) -> Layer {
    let mut layer = Layer::new("dev", Syntax::Text);
    let mut problems = Vec::new();
    for (setting, value) in DEFAULTS {
        let location = Location::from(Origin::Development);
        layer.set(setting, &Value::Text(value.into()), location, &mut problems);
    }
    let set = |setting| layers.iter().rev().find_map(|layer| layer.get(setting));
    let is_alone = set(&WORKERS).is_none_or(|workers| workers.value == Value::Int(1));
    let never = Value::Text("never".into());
    let may_have_supervisor = set(&SUPERVISOR).is_none_or(|supervisor| supervisor.value != never);
    if is_alone && may_have_supervisor && machine.lacks_workers().is_none() {
        layer.insert(&RELOAD, Value::Bool(true), Location::from(Origin::Development));
    }
    debug_assert!(problems.is_empty(), "a default of `dev` cannot be read: {problems:?}");
    layer
}
