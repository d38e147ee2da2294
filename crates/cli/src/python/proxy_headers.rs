//! Forwarding fields for a middleware: `waitress.proxy_headers.proxy_headers_middleware`.
//!
//! The server reads forwarding fields before it calls the application; a middleware has only the
//! environ. So the fields of the environ are serialised as a request and parsed by the same code,
//! which keeps one implementation of the rules.

use std::sync::Arc;

use maitred_http_parser::Limits;
use maitred_http_parser::decode::{Decoded, Decoder};
use maitred_http_parser::exchange::Peer;
use maitred_http_parser::forwarded::{Forwarded, ForwardedValues, resolve};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::process::sources::SourceTexts;
use crate::python::keywords;

/// Environ keys of forwarding fields, and the fields' names.
const FIELDS: [(&str, &str); 6] = [
    ("HTTP_FORWARDED", "Forwarded"),
    ("HTTP_X_FORWARDED_BY", "X-Forwarded-By"),
    ("HTTP_X_FORWARDED_FOR", "X-Forwarded-For"),
    ("HTTP_X_FORWARDED_HOST", "X-Forwarded-Host"),
    ("HTTP_X_FORWARDED_PORT", "X-Forwarded-Port"),
    ("HTTP_X_FORWARDED_PROTO", "X-Forwarded-Proto"),
];

/// Applies the forwarding fields of a trusted proxy to the environ, and removes untrusted ones.
///
/// Raises `ValueError` if a trusted field is malformed; the client should be answered 400.
#[pyfunction]
#[pyo3(signature = (environ, settings, /))]
pub(crate) fn believe_proxies(
    environ: &Bound<'_, PyDict>,
    settings: &Bound<'_, PyDict>,
) -> PyResult<()> {
    let sources = SourceTexts::read(None, keywords::read(Some(settings))?).sources();
    let loaded = maitred_config::load(sources).map_err(|problems| keywords::refusal(&problems))?;
    let trust = maitred_server::trust(&loaded.settings);
    let request = written_out(environ)?;
    let mut input = request.as_slice();
    let Decoded::Head(head) = Decoder::new(Arc::new(Limits::default())).decode(&mut input) else {
        return Err(PyValueError::new_err("malformed proxy header"));
    };
    let forwarded = resolve(&trust, &head, &peer(environ)?)
        .map_err(|refusal| PyValueError::new_err(refusal.to_string()))?;
    match forwarded {
        Forwarded::Untouched => Ok(()),
        Forwarded::Cleared => clear(environ),
        Forwarded::Trusted(values) => {
            clear(environ)?;
            set(environ, &values)
        }
    }
}

/// The forwarding fields and the Host of the environ, as the head of a request.
fn written_out(environ: &Bound<'_, PyDict>) -> PyResult<Vec<u8>> {
    let mut request = b"GET / HTTP/1.1\r\nHost: ".to_vec();
    match environ.get_item("HTTP_HOST")? {
        Some(host) => push_latin1(&mut request, &host)?,
        None => request.extend_from_slice(b"localhost"),
    }
    request.extend_from_slice(b"\r\n");
    for (key, name) in FIELDS {
        if let Some(value) = environ.get_item(key)? {
            request.extend_from_slice(name.as_bytes());
            request.extend_from_slice(b": ");
            push_latin1(&mut request, &value)?;
            request.extend_from_slice(b"\r\n");
        }
    }
    request.extend_from_slice(b"\r\n");
    Ok(request)
}

/// An environ's text is latin-1 (PEP 3333).
fn push_latin1(bytes: &mut Vec<u8>, text: &Bound<'_, PyAny>) -> PyResult<()> {
    for character in text.cast::<PyString>()?.to_str()?.chars() {
        let byte = u8::try_from(character)
            .map_err(|_| PyValueError::new_err("a header value is not latin-1"))?;
        if matches!(byte, b'\r' | b'\n') {
            return Err(PyValueError::new_err("a header value has a line end in it"));
        }
        bytes.push(byte);
    }
    Ok(())
}

/// The peer according to the environ. If `REMOTE_ADDR` is not an address, it is a Unix socket.
fn peer(environ: &Bound<'_, PyDict>) -> PyResult<Peer> {
    let address = match environ.get_item("REMOTE_ADDR")? {
        Some(address) => address.extract::<String>()?.parse().ok(),
        None => None,
    };
    Ok(address.map_or_else(Peer::unix, |ip| Peer::tcp(std::net::SocketAddr::new(ip, 0))))
}

fn clear(environ: &Bound<'_, PyDict>) -> PyResult<()> {
    for (key, _) in FIELDS {
        if environ.contains(key)? {
            environ.del_item(key)?;
        }
    }
    Ok(())
}

fn set(environ: &Bound<'_, PyDict>, values: &ForwardedValues) -> PyResult<()> {
    let variables = [
        ("REMOTE_ADDR", values.remote_addr.as_deref()),
        ("REMOTE_HOST", values.remote_addr.as_deref()),
        ("REMOTE_PORT", values.remote_port.as_deref()),
        ("wsgi.url_scheme", values.scheme),
        ("SERVER_NAME", values.server_name.as_deref()),
        ("SERVER_PORT", values.server_port.as_deref()),
        ("HTTP_HOST", values.host.as_deref()),
    ];
    for (key, value) in variables {
        if let Some(value) = value {
            environ.set_item(key, value)?;
        }
    }
    for (name, value) in &values.fields {
        if let Some((key, _)) = FIELDS.iter().find(|(_, known)| known.eq_ignore_ascii_case(name)) {
            environ.set_item(*key, value)?;
        }
    }
    Ok(())
}
