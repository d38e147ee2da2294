//! Where a running server answers the commands that ask it, such as `health`.
//!
//! The argument of the command says it: a URL or `unix:` and a path. Otherwise it is `admin-listen`,
//! from the command line, the environment or the settings file. Only that one setting is looked at: a
//! mistake in another one must not keep an operator, or the health check of a container, from asking
//! a server that serves.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::declaration::network::ADMIN_LISTEN;
use crate::load::{Sources, read_file};
use crate::origin::Origin;
use crate::problem::{Problem, Problems};
use crate::providers::{Entry, Layer, environment, keywords};
use crate::raw_value::{Value, shortened};
use crate::values::{DEFAULT_PORT, Endpoint, HostName, Port};

/// How an address is written where a command takes one.
const WANTED: &str = "write `http://host:port`, or `unix:` and a path";

/// Finds the admin listener of the running server that a command is about. What it returns can be
/// connected to: an address to listen on everywhere has become one of this machine.
///
/// # Errors
///
/// No source names it, or the one that does names nothing that can be connected to.
pub fn running_server(sources: Sources) -> Result<Endpoint, Problems> {
    if let Some(invocation) = &sources.invocation {
        invocation.check()?;
    }
    if let Some(text) = sources.invocation.as_ref().and_then(|it| it.server.as_deref()) {
        let location = Origin::CommandLine(shortened(text)).into();
        return parse_argument(text).and_then(reachable).map_err(|hint| {
            let message = format!("`{}` is no address of a server", shortened(text));
            Problem::new(message).at(&location).hinting(hint).into()
        });
    }
    let mut problems = Vec::new();
    let layers = layers(sources, &mut problems);
    let says =
        |layer: &&Layer| layer.get(&ADMIN_LISTEN).is_some() || layer.is_invalid(&ADMIN_LISTEN);
    let said = layers.iter().rev().find(says).and_then(|layer| layer.get(&ADMIN_LISTEN));
    let Some(Entry { value: Value::Text(text), location }) = said else {
        // Whatever is wrong with the sources may be why none of them says it.
        Problems::from_list(problems)?;
        let hint = "name it, as in `http://127.0.0.1:9090` or `unix:/run/maitred/admin.sock`, or set \
                    `admin-listen`";
        return Err(Problem::new("there is no server to ask").hinting(hint).into());
    };
    Endpoint::parse(text, DEFAULT_PORT, 0).and_then(reachable).map_err(|hint| {
        let message =
            format!("`admin-listen` is `{}`, which cannot be connected to", shortened(text));
        Problem::new(message).at(location).hinting(hint).into()
    })
}

/// The layers that may have it; a later one wins.
fn layers(sources: Sources, problems: &mut Vec<Problem>) -> Vec<Layer> {
    let file = read_file(sources.file, problems);
    let found = environment::read(&sources.environment, problems).layer;
    let command_line = sources.invocation.map(|invocation| invocation.layer);
    let keywords = keywords::read(&sources.keywords, problems);
    let mut layers: Vec<_> = file.into_iter().chain([found]).chain(command_line).collect();
    layers.push(keywords);
    if let Some(directory) = &sources.directory {
        layers.iter_mut().for_each(|layer| layer.make_absolute(directory));
    }
    layers
}

/// Reads the argument of a command. The error says what would be correct.
fn parse_argument(text: &str) -> Result<Endpoint, String> {
    let Some(rest) = text.strip_prefix("http://") else {
        return match text {
            _ if text.starts_with("https://") => {
                Err("the admin listener speaks no TLS: write `http://`".into())
            }
            _ if text.contains("://") && !text.starts_with("unix:") => Err(WANTED.into()),
            _ if text.bytes().all(|byte| byte.is_ascii_digit()) => Err(WANTED.into()),
            _ => Endpoint::parse(text, DEFAULT_PORT, 0),
        };
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    if !path.is_empty() {
        return Err(format!("leave out `/{}`: the command knows what to ask for", shortened(path)));
    }
    if authority.contains(['@', '?', '#']) || authority.is_empty() {
        return Err(WANTED.into());
    }
    // The port of the scheme (RFC 9110 §4.2.1).
    Endpoint::parse(authority, 80, 0)
}

/// The same as an address to connect to: that of this machine, where a server listens on every one.
fn reachable(endpoint: Endpoint) -> Result<Endpoint, String> {
    match endpoint {
        Endpoint::Tcp { port: Port::Number(0), .. } => {
            Err("port 0 is another one each time: the server's log says which, name that one"
                .into())
        }
        Endpoint::Descriptor(_) => {
            Err("a descriptor is the server's own: name the address that it is bound to".into())
        }
        Endpoint::Tcp { host: HostName::Name(name), port } => {
            let host = match () {
                () if name.parse() == Ok(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.to_string(),
                () if name.parse() == Ok(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.to_string(),
                () => name,
            };
            Ok(Endpoint::Tcp { host: HostName::Name(host), port })
        }
        // Every address of both families is `localhost` under any of its addresses.
        Endpoint::Tcp { host: HostName::Any, port } => {
            Ok(Endpoint::Tcp { host: HostName::Name("localhost".into()), port })
        }
        Endpoint::Unix { .. } => Ok(endpoint),
    }
}
