//! Addresses to listen on.

use std::borrow::Cow;
use std::path::Path;

use super::{InvalidValue, PATH_OR_TEXT, Rules, Syntax, absolute, absolute_address, text_of};
use crate::raw_value::Value;
use crate::values::{DEFAULT_PORT, Endpoint, HostName, check_socket_path};

/// Completes "must be …" for an address.
pub(super) const ADDRESS: &str = "`host:port`, `unix:/path` or `fd://N`";

/// A host name or an address without a port.
pub(super) struct Host;

impl Rules for Host {
    fn parse(&self, value: &Value, syntax: Syntax) -> Result<Value, InvalidValue> {
        let host = text_of(value, syntax)?;
        HostName::parse(&host)
            .map(|host| Value::Text(host.to_string()))
            .map_err(|hint| InvalidValue::wants(self.wanted()).hinting(hint))
    }

    fn wanted(&self) -> String {
        "a host name or an address".into()
    }

    fn placeholder(&self) -> Cow<'static, str> {
        "ADDRESS".into()
    }

    fn description(&self) -> String {
        "name or address".into()
    }
}

/// An address with a port, a Unix socket or a descriptor.
pub(super) struct Address;

impl Rules for Address {
    fn parse(&self, value: &Value, syntax: Syntax) -> Result<Value, InvalidValue> {
        let text = text_of(value, syntax)?;
        if text.is_empty() {
            return Ok(Value::None);
        }
        match Endpoint::parse(&text, DEFAULT_PORT, 0) {
            Ok(_) => Ok(Value::Text(text)),
            Err(hint) => Err(InvalidValue::wants(self.wanted()).hinting(hint)),
        }
    }

    fn absolute(&self, value: &Value, directory: &Path) -> Value {
        absolute_address(value, directory)
    }

    fn wanted(&self) -> String {
        ADDRESS.into()
    }

    fn placeholder(&self) -> Cow<'static, str> {
        "ADDRESS".into()
    }

    fn description(&self) -> String {
        ADDRESS.into()
    }
}

/// The path of a Unix socket.
pub(super) struct SocketPath;

impl Rules for SocketPath {
    fn parse(&self, value: &Value, syntax: Syntax) -> Result<Value, InvalidValue> {
        let text = text_of(value, syntax)?;
        let wants = || InvalidValue::wants(self.wanted());
        if let Some(path) = text.strip_prefix("unix:") {
            return Err(wants().hinting(format!("write `{path}`, without `unix:`")));
        }
        check_socket_path(&text).map_err(|hint| wants().hinting(hint))?;
        Ok(Value::Text(text))
    }

    fn absolute(&self, value: &Value, directory: &Path) -> Value {
        match value {
            Value::Text(path) => Value::Text(absolute(path, directory)),
            other => other.clone(),
        }
    }

    fn wanted(&self) -> String {
        "the path of a Unix socket".into()
    }

    fn placeholder(&self) -> Cow<'static, str> {
        "PATH".into()
    }

    fn description(&self) -> String {
        "path".into()
    }

    fn python_type(&self) -> Cow<'static, str> {
        PATH_OR_TEXT.into()
    }
}
