//! The command line: arguments in, an exit status out.

use std::io::Write;

use pyo3::prelude::*;

/// Runs the command line. The first element is the program's name. Returns the exit status.
#[pyfunction]
pub(crate) fn main(argv: Vec<String>) -> PyResult<i32> {
    let mut stdout = std::io::stdout().lock();
    match argv.get(1).map(String::as_str) {
        Some("--version") => {
            writeln!(stdout, "maitred {}", env!("CARGO_PKG_VERSION"))?;
            Ok(0)
        }
        _ => {
            writeln!(std::io::stderr().lock(), "error: specify an application")?;
            Ok(2)
        }
    }
}
