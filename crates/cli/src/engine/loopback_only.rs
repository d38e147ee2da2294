//! Refuses requests for other hosts than this machine, while tracebacks are shown in the browser.
//!
//! Another site can give a name of its own the address 127.0.0.1, and let the browser of a developer
//! read whatever answers there. The name is then in `Host`.

use std::net::IpAddr;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

/// An application that is called only for names of this machine. It is no Python function, so that it
/// is no line of a traceback.
#[pyclass(frozen, module = "maitred._native")]
pub(super) struct LoopbackOnly(pub(super) Py<PyAny>);

#[pymethods]
impl LoopbackOnly {
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        environ: &Bound<'py, PyDict>,
        start_response: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let host: Option<String> =
            environ.get_item("HTTP_HOST")?.map(|host| host.extract()).transpose()?;
        match host {
            Some(host) if !is_loopback(&host) => refuse(py, &host, start_response),
            _ => self.0.bind(py).call1((environ, start_response)),
        }
    }
}

fn refuse<'py>(
    py: Python<'py>,
    host: &str,
    start_response: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let body = format!(
        "The host \"{host}\" is not this machine.\n\nWhile tracebacks are shown in the browser, only \
         names such as localhost and 127.0.0.1 are answered:\nanother site could read them by a name \
         of its own that points here. To serve other names, start\n`maitred dev \
         --no-expose-tracebacks`.\n"
    );
    let fields = [
        ("Content-Type", "text/plain; charset=utf-8".to_owned()),
        ("Content-Length", body.len().to_string()),
    ];
    start_response.call1(("403 Forbidden", PyList::new(py, fields)?))?;
    Ok(PyList::new(py, [PyBytes::new(py, body.as_bytes())])?.into_any())
}

/// Whether the value of a `Host` field names this machine to itself only.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _port)) => address,
        None => host.split_once(':').map_or(host, |(name, _port)| name),
    };
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_mean_this_machine_everywhere_are_answered() {
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "shop.localhost:8080",
            "localhost.",
            "127.0.0.1:8080",
            "127.3.2.1",
            "[::1]:8080",
            "[::ffff:127.0.0.1]",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "notlocalhost",
            "127.0.0.1.evil.example:80",
            "192.168.1.5:8080",
            "0.0.0.0:8080",
            "[::]:80",
            "[fe80::1]",
            "::1:8080",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
