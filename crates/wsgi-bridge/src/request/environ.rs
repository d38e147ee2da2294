//! The environ of a request (PEP 3333, "environ Variables"; RFC 3875 §4.1).
//!
//! Values that are the same for every request of a listener come from a template, which is copied.
//! The others are set by interned keys in a fixed order, so that a copy has room for all of them.
//! The environ contains nothing from `os.environ`.

use std::sync::Arc;

use maitred_http_parser::exchange::Client;
use maitred_http_parser::forwarded::{Forwarded, ForwardedValues};
use maitred_http_parser::message::BodyFraming;
use maitred_http_parser::{RequestHead, Version};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyString};

use crate::interpreter::latin1;
use crate::interpreter::reference_count::COUNTS_ONE_ONLY;
use crate::request::client_disconnected::ClientDisconnected;
use crate::request::header_keys::{
    self, COOKIE, FORWARDING, HOST, KNOWN_NAMES, OtherNames, TRANSFER_ENCODING, is_kept,
};
use crate::request::path_info::{path_info, percent_decoded};
use crate::request::repeated_fields::RepeatedFields;
use crate::request::shared::ApplicationState;
use crate::request::{ListenerVariables, ServerVariables};
use crate::response::file_wrapper::FileWrapper;

/// The parts of a request besides its head.
pub(crate) struct RequestParts<'a, 'py> {
    pub(crate) client: &'a Client,
    pub(crate) body_length: u64,
    pub(crate) seconds_in_queue: f64,
    pub(crate) request_id: Option<&'a str>,
    pub(crate) input: &'a Bound<'py, PyAny>,
}

/// The environ template of a listener. Keys that differ between requests have a placeholder, which is
/// their most common value.
fn template<'py>(
    py: Python<'py>,
    variables: &ServerVariables,
    listener: &ListenerVariables,
    errors: &Bound<'_, PyAny>,
) -> PyResult<Bound<'py, PyDict>> {
    let environ = PyDict::new(py);
    let prefix = latin1::to_str(py, variables.url_prefix.as_bytes())?;
    environ.set_item(intern!(py, "REQUEST_METHOD"), intern!(py, "GET"))?;
    environ.set_item(intern!(py, "SCRIPT_NAME"), prefix)?;
    environ.set_item(intern!(py, "PATH_INFO"), "")?;
    environ.set_item(intern!(py, "QUERY_STRING"), intern!(py, ""))?;
    environ.set_item(intern!(py, "REQUEST_URI"), "")?;
    environ.set_item(intern!(py, "SERVER_NAME"), &listener.server_name)?;
    environ.set_item(intern!(py, "SERVER_PORT"), &listener.server_port)?;
    environ.set_item(intern!(py, "SERVER_PROTOCOL"), intern!(py, "HTTP/1.1"))?;
    if !variables.ident.is_empty() {
        environ.set_item(intern!(py, "SERVER_SOFTWARE"), &variables.ident)?;
    }
    environ.set_item(intern!(py, "REMOTE_ADDR"), "")?;
    environ.set_item(intern!(py, "REMOTE_HOST"), "")?;
    environ.set_item(intern!(py, "REMOTE_PORT"), "")?;
    environ.set_item(intern!(py, "wsgi.version"), (1, 0))?;
    environ.set_item(intern!(py, "wsgi.url_scheme"), &variables.url_scheme)?;
    environ.set_item(intern!(py, "wsgi.input"), py.None())?;
    environ.set_item(intern!(py, "wsgi.input_terminated"), true)?;
    environ.set_item(intern!(py, "wsgi.errors"), errors)?;
    environ.set_item(intern!(py, "wsgi.multithread"), variables.threads > 1)?;
    environ.set_item(intern!(py, "wsgi.multiprocess"), variables.is_multiprocess)?;
    environ.set_item(intern!(py, "wsgi.run_once"), false)?;
    environ.set_item(intern!(py, "wsgi.file_wrapper"), py.get_type::<FileWrapper>())?;
    environ.set_item(intern!(py, "maitred.client_disconnected"), py.None())?;
    environ.set_item(intern!(py, "waitress.client_disconnected"), py.None())?;
    environ.set_item(intern!(py, "maitred.queue_time"), 0.0)?;
    Ok(environ)
}

/// The environ template of a client's listener. Each worker has its own, with values of its own: where
/// threads run in parallel, they would otherwise all count references to the same objects, at each
/// request.
fn new_template<'py>(
    py: Python<'py>,
    application: &ApplicationState,
    errors: &mut Option<Py<PyAny>>,
    client: &Client,
) -> PyResult<Bound<'py, PyDict>> {
    let ApplicationState { variables, log, .. } = application;
    let errors = match errors {
        Some(errors) => errors,
        none => none.insert(variables.error_output.stream(py, log)?.unbind()),
    };
    template(py, variables, &variables.listeners[client.listener], errors.bind(py))
}

/// Builds the environs of one worker thread, and caches objects for the next one.
pub(crate) struct Environs {
    application: Arc<ApplicationState>,
    /// This worker's own templates, by listener.
    templates: Vec<Option<OwnTemplate>>,
    /// This worker's own `wsgi.errors`.
    errors: Option<Py<PyAny>>,
    /// Whether they contain `client_disconnected`, as the same object for every request.
    shares_client_disconnected: bool,
    other_names: OtherNames,
    /// The last value of each known field that is cached.
    last_values: [Option<Py<PyString>>; KNOWN_NAMES],
}

/// A worker's template, which also contains values that rarely change between requests.
struct OwnTemplate {
    environ: Py<PyDict>,
    /// The value of REMOTE_ADDR and REMOTE_HOST in it.
    address: Box<str>,
}

impl Environs {
    pub(crate) fn new(application: Arc<ApplicationState>) -> Self {
        Self {
            templates: application.variables.listeners.iter().map(|_| None).collect(),
            errors: None,
            shares_client_disconnected: !COUNTS_ONE_ONLY,
            other_names: OtherNames::default(),
            last_values: [const { None }; KNOWN_NAMES],
            application,
        }
    }

    pub(crate) fn build<'py>(
        &mut self,
        py: Python<'py>,
        head: &RequestHead,
        parts: &RequestParts<'_, 'py>,
        client_disconnected: &Py<ClientDisconnected>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let client = parts.client;
        let environ = self.template(py, client, client_disconnected)?.copy()?;
        if !self.shares_client_disconnected {
            set_client_disconnected(&environ, client_disconnected)?;
        }
        self.set_request_line(&environ, head)?;
        let port = latin1::to_str(py, client.peer.port.as_bytes())?;
        environ.set_item(intern!(py, "REMOTE_PORT"), port)?;
        environ.set_item(intern!(py, "wsgi.input"), parts.input)?;
        let seconds_in_queue = PyFloat::new(py, parts.seconds_in_queue);
        environ.set_item(intern!(py, "maitred.queue_time"), seconds_in_queue)?;
        if let Some(request_id) = parts.request_id {
            environ.set_item(intern!(py, "maitred.request_id"), request_id)?;
        }
        self.set_fields(&environ, head, &client.forwarded)?;
        if head.framing() == BodyFraming::Chunked {
            let length = parts.body_length.to_string();
            environ.set_item(intern!(py, "CONTENT_LENGTH"), length)?;
        }
        if let Forwarded::Trusted(forwarded) = &client.forwarded {
            self.set_forwarded(&environ, forwarded)?;
        }
        Ok(environ)
    }

    /// The number of references from the templates to `client_disconnected`.
    pub(crate) fn holds(&self) -> isize {
        let templates = if self.shares_client_disconnected {
            self.templates.iter().flatten().count()
        } else {
            0
        };
        2 * templates as isize // two keys in each
    }

    /// The application has kept `client_disconnected`. It will probably do so again, so from now on,
    /// each environ gets its own.
    pub(crate) fn stop_sharing(&mut self) {
        if self.shares_client_disconnected {
            self.shares_client_disconnected = false;
            self.templates.fill_with(|| None);
        }
    }

    /// This worker's template for the client's listener, with the client's address.
    fn template<'a, 'py>(
        &'a mut self,
        py: Python<'py>,
        client: &Client,
        client_disconnected: &Py<ClientDisconnected>,
    ) -> PyResult<&'a Bound<'py, PyDict>> {
        let place = &mut self.templates[client.listener];
        let own = match place {
            Some(own) => own,
            None => {
                let environ = new_template(py, &self.application, &mut self.errors, client)?;
                environ
                    .set_item(intern!(py, "maitred.client_disconnected"), client_disconnected)?;
                environ
                    .set_item(intern!(py, "waitress.client_disconnected"), client_disconnected)?;
                place.insert(OwnTemplate { environ: environ.unbind(), address: "".into() })
            }
        };
        let environ = own.environ.bind(py);
        let peer = &client.peer;
        if own.address != peer.host {
            let address = latin1::to_str(py, peer.host.as_bytes())?;
            environ.set_item(intern!(py, "REMOTE_ADDR"), &address)?;
            environ.set_item(intern!(py, "REMOTE_HOST"), address)?;
            own.address.clone_from(&peer.host);
        }
        Ok(environ)
    }

    fn set_request_line(&self, environ: &Bound<'_, PyDict>, head: &RequestHead) -> PyResult<()> {
        let py = environ.py();
        match head.method_token() {
            b"GET" => {}
            b"POST" => environ.set_item(intern!(py, "REQUEST_METHOD"), intern!(py, "POST"))?,
            _ => environ.set_item(intern!(py, "REQUEST_METHOD"), head.method())?,
        }
        if head.version() == Version::Http10 {
            environ.set_item(intern!(py, "SERVER_PROTOCOL"), intern!(py, "HTTP/1.0"))?;
        }
        let decoded = percent_decoded(head.path());
        let ServerVariables { url_prefix, leading_slashes, .. } = &self.application.variables;
        let path = path_info(&decoded, url_prefix.as_bytes(), *leading_slashes);
        let path_info = latin1::to_str(py, path)?;
        environ.set_item(intern!(py, "PATH_INFO"), &path_info)?;
        if head.target() == path {
            environ.set_item(intern!(py, "REQUEST_URI"), path_info)?;
        } else {
            environ.set_item(intern!(py, "REQUEST_URI"), latin1::to_str(py, head.target())?)?;
        }
        if !head.query().is_empty() {
            environ.set_item(intern!(py, "QUERY_STRING"), latin1::to_str(py, head.query())?)?;
        }
        Ok(())
    }

    fn set_fields(
        &mut self,
        environ: &Bound<'_, PyDict>,
        head: &RequestHead,
        forwarded: &Forwarded,
    ) -> PyResult<()> {
        let py = environ.py();
        let Self { application, other_names, last_values, .. } = self;
        let passes_forwarding = matches!(forwarded, Forwarded::Untouched);
        let mut seen = 0u64;
        let mut repeated: Option<RepeatedFields<'_>> = None;
        for (name, value) in head.fields() {
            let Some(known) = header_keys::find(name) else {
                match other_names.key(py, name)? {
                    None => application.field_dropped(name),
                    Some(key) if environ.contains(&key)? => {
                        repeated.get_or_insert_default().add(environ, &key, value, b", ")?;
                    }
                    Some(key) => environ.set_item(key, latin1::to_str(py, value)?)?,
                }
                continue;
            };
            if known == TRANSFER_ENCODING || (FORWARDING.contains(&known) && !passes_forwarding) {
                continue;
            }
            let key = application.known_keys.get(py, known);
            let bit = 1u64 << known;
            if seen & bit == 0 {
                seen |= bit;
                let value = if is_kept(known) {
                    reused(py, &mut last_values[known], value)?
                } else {
                    latin1::to_str(py, value)?
                };
                environ.set_item(key, value)?;
            } else {
                let separator = if known == COOKIE { b"; " } else { b", " };
                repeated.get_or_insert_default().add(environ, key, value, separator)?;
            }
        }
        repeated.map_or(Ok(()), |repeated| repeated.set(environ))
    }

    /// Replaces the values of the socket by those of a trusted proxy. Each character is a byte that the
    /// proxy sent, as in the environ.
    fn set_forwarded(
        &mut self,
        environ: &Bound<'_, PyDict>,
        forwarded: &ForwardedValues,
    ) -> PyResult<()> {
        let py = environ.py();
        if let Some(address) = &forwarded.remote_addr {
            environ.set_item(intern!(py, "REMOTE_ADDR"), address)?;
            environ.set_item(intern!(py, "REMOTE_HOST"), address)?;
        }
        let replacements = [
            (intern!(py, "REMOTE_PORT"), forwarded.remote_port.as_deref()),
            (intern!(py, "wsgi.url_scheme"), forwarded.scheme),
            (intern!(py, "SERVER_NAME"), forwarded.server_name.as_deref()),
            (intern!(py, "SERVER_PORT"), forwarded.server_port.as_deref()),
            (self.application.known_keys.get(py, HOST), forwarded.host.as_deref()),
        ];
        for (key, value) in replacements {
            if let Some(value) = value {
                environ.set_item(key, value)?;
            }
        }
        for (name, value) in &forwarded.fields {
            match header_keys::find(name.as_bytes()) {
                Some(known) => {
                    environ.set_item(self.application.known_keys.get(py, known), value)?
                }
                None => {
                    if let Some(key) = self.other_names.key(py, name.as_bytes())? {
                        environ.set_item(key, value)?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn set_client_disconnected(
    environ: &Bound<'_, PyDict>,
    client_disconnected: &Py<ClientDisconnected>,
) -> PyResult<()> {
    let py = environ.py();
    environ.set_item(intern!(py, "maitred.client_disconnected"), client_disconnected)?;
    environ.set_item(intern!(py, "waitress.client_disconnected"), client_disconnected)
}

/// The longest value that is cached.
const KEPT_BYTES: usize = 256;

/// `value` as a `str`: the cached one, if it is equal. Only ASCII is cached, whose UTF-8 has the same
/// bytes.
fn reused<'py>(
    py: Python<'py>,
    last: &mut Option<Py<PyString>>,
    value: &[u8],
) -> PyResult<Bound<'py, PyString>> {
    if let Some(last) = last {
        let last = last.bind(py);
        if last.to_str().is_ok_and(|last| last.as_bytes() == value) {
            return Ok(last.clone());
        }
    }
    let text = latin1::to_str(py, value)?;
    if value.len() <= KEPT_BYTES && value.is_ascii() {
        *last = Some(text.clone().unbind());
    }
    Ok(text)
}
