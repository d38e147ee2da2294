//! Allows this process as many open files as the system lets it have, and the programs that it executes
//! as many as before.
//!
//! The soft limit is 1024 on most systems, for programs that use select(2). The handler of forks that
//! gives children the old limit back (`maitred_server::raise_file_limit`) is not called by vfork(2) and
//! posix_spawn(3), which `subprocess` prefers. From Python 3.11 to 3.13 it has documented switches for
//! both. Newer ones have none for vfork, but fork a child that has to become a user: on Linux, where
//! alone they use vfork, theirs are told to become the one that they are. Python 3.10 has neither, and
//! keeps its limit, and so does a process whose children may not do that.

use maitred_server::{FileLimit, raise_file_limit};
use pyo3::prelude::*;

/// The documented switches of `subprocess`. It is safe to set those that a version does not have.
const SWITCHES: [&str; 2] = ["_USE_VFORK", "_USE_POSIX_SPAWN"];

/// Raises the limit of a process that exits when the server has stopped.
///
/// # Errors
/// `subprocess` cannot be imported, or be told how to start programs.
pub(crate) fn raise(py: Python<'_>) -> PyResult<()> {
    let subprocess = py.import("subprocess")?;
    let fork_exec = if subprocess.hasattr(SWITCHES[0])? {
        None
    } else if let Some(forking) = as_own_user::fork_exec(py)? {
        Some(forking)
    } else {
        return Ok(());
    };
    if raise_file_limit() == FileLimit::Raised {
        for switch in SWITCHES {
            subprocess.setattr(switch, false)?;
        }
        if let Some(fork_exec) = fork_exec {
            subprocess.setattr("_fork_exec", &fork_exec)?;
            py.import(as_own_user::MODULE)?.setattr("fork_exec", fork_exec)?; // for multiprocessing
        }
    }
    Ok(())
}

#[cfg(target_os = "linux")]
mod as_own_user {
    use maitred_server::{child_becomes, own_user};
    use pyo3::exceptions::PyValueError;
    use pyo3::prelude::*;
    use pyo3::types::PyTuple;

    /// What `subprocess` and `multiprocessing` start programs with.
    pub(super) const MODULE: &str = "_posixsubprocess";

    /// `_posixsubprocess.fork_exec` for children that stay who they are.
    #[pyclass(frozen, module = "maitred._native")]
    pub(super) struct ForkExec {
        original: Py<PyAny>,
        /// Which of its arguments is the user that the child becomes.
        user: usize,
    }

    #[pymethods]
    impl ForkExec {
        #[pyo3(signature = (*arguments))]
        fn __call__(&self, py: Python<'_>, arguments: &Bound<'_, PyTuple>) -> PyResult<Py<PyAny>> {
            let mut arguments: Vec<_> = arguments.iter().collect();
            if let Some(user) = arguments.get_mut(self.user)
                && user.is_none()
                && let Some(own) = own_user()
            {
                *user = own.into_pyobject(py)?.into_any();
            }
            self.original.call1(py, PyTuple::new(py, arguments)?)
        }
    }

    /// `fork_exec` that forks; `None` if it cannot be told to, or children may not do what it needs.
    pub(super) fn fork_exec(py: Python<'_>) -> PyResult<Option<Bound<'_, PyAny>>> {
        let original = py.import(MODULE)?.getattr("fork_exec")?;
        if original.is_instance_of::<ForkExec>() {
            return Ok(Some(original));
        }
        let Some(user) = position(&original, "uid")? else { return Ok(None) };
        if !own_user().is_some_and(child_becomes) {
            return Ok(None);
        }
        let forking = ForkExec { original: original.unbind(), user };
        Ok(Some(Bound::new(py, forking)?.into_any()))
    }

    /// Which parameter of a function has this name; `None` if it does not tell, or has none.
    fn position(function: &Bound<'_, PyAny>, name: &str) -> PyResult<Option<usize>> {
        let py = function.py();
        let signature = match py.import("inspect")?.call_method1("signature", (function,)) {
            Err(error) if error.is_instance_of::<PyValueError>(py) => return Ok(None),
            signature => signature?,
        };
        for (position, parameter) in signature.getattr("parameters")?.try_iter()?.enumerate() {
            if parameter?.extract::<String>()? == name {
                return Ok(Some(position));
            }
        }
        Ok(None)
    }
}

/// Elsewhere vfork is not used.
#[cfg(not(target_os = "linux"))]
mod as_own_user {
    use pyo3::prelude::*;

    pub(super) const MODULE: &str = "_posixsubprocess";

    pub(super) fn fork_exec(py: Python<'_>) -> PyResult<Option<Bound<'_, PyAny>>> {
        py.import(MODULE)?.getattr("fork_exec").map(Some)
    }
}
