//! Field lines with the same name, which become one value (RFC 9110 §5.3; for Cookie, RFC 6265 §5.4).
//!
//! Their bytes are collected, and decoded when all lines are known. Appending each line to the `str` of
//! those before it would copy them all, line by line, and thousands of lines would keep the
//! interpreter's lock.

use std::collections::HashMap;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::interpreter::latin1;

/// The values of the names that have occurred more than once. The limits of a request head bound them.
#[derive(Default)]
pub(crate) struct RepeatedFields<'py> {
    /// By environ key.
    values: HashMap<String, Repeated<'py>>,
}

struct Repeated<'py> {
    key: Bound<'py, PyString>,
    value: Vec<u8>,
}

impl<'py> RepeatedFields<'py> {
    /// Appends the value of another line. That of the first line is in `environ`, and stays until
    /// [`RepeatedFields::set`].
    ///
    /// # Errors
    /// MemoryError.
    #[cold]
    pub(crate) fn add(
        &mut self,
        environ: &Bound<'py, PyDict>,
        key: &Bound<'py, PyString>,
        value: &[u8],
        separator: &[u8; 2],
    ) -> PyResult<()> {
        let name = key.to_str()?;
        let repeated = match self.values.get_mut(name) {
            Some(repeated) => repeated,
            None => {
                let first = environ.as_any().get_item(key)?.cast_into::<PyString>()?;
                let value = latin1::to_bytes(&first, name)?.into_owned();
                let repeated = Repeated { key: key.clone(), value };
                self.values.entry(name.to_owned()).or_insert(repeated)
            }
        };
        repeated.value.extend_from_slice(separator);
        repeated.value.extend_from_slice(value);
        Ok(())
    }

    /// Replaces the values of the first lines by those of all.
    ///
    /// # Errors
    /// MemoryError.
    #[cold]
    pub(crate) fn set(self, environ: &Bound<'py, PyDict>) -> PyResult<()> {
        let py = environ.py();
        self.values.into_values().try_for_each(|Repeated { key, value }| {
            environ.set_item(key, latin1::to_str(py, &value)?)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_lines_become_one_str_when_all_are_known() {
        Python::initialize();
        Python::attach(|py| {
            let environ = PyDict::new(py);
            let names = ["HTTP_A", "HTTP_B"].map(|name| PyString::new(py, name));
            let first = PyString::new(py, "\u{e9}");
            for name in &names {
                environ.set_item(name, &first).unwrap();
            }
            let mut repeated = RepeatedFields::default();
            for line in 1..10_000 {
                for name in &names {
                    let value = line.to_string();
                    repeated.add(&environ, name, value.as_bytes(), b", ").unwrap();
                    let so_far = environ.get_item(name).unwrap().unwrap();
                    assert!(so_far.is(&first), "no str is made of a part of the lines");
                }
            }
            repeated.set(&environ).unwrap();
            let lines = (1..10_000).map(|line| line.to_string());
            let all = std::iter::once("\u{e9}".to_owned()).chain(lines).collect::<Vec<_>>();
            for name in &names {
                let joined: String = environ.get_item(name).unwrap().unwrap().extract().unwrap();
                assert_eq!(joined, all.join(", "));
            }
        });
    }
}
