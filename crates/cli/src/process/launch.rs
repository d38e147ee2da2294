//! Executes a worker process, or the one that workers are forked from: the same interpreter, anew.
//!
//! Nothing of this process's threads, locks or imports gets into a worker that is executed, and a
//! reload always sees new code. It is started by Python's `subprocess`, which debuggers, coverage
//! and audit hooks know. What makes an interpreter the one that was started is passed on: flags,
//! `-X` options, `sys.path`, `sys.argv`, and the variables for Python, also those that a wrapper has
//! taken out of the environment for itself. Everything else comes over the control socket. Ctrl-C reaches a
//! process only when it has its handlers.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use maitred_config::path_text;
use maitred_server::system::held_signals::HeldSignals;
use maitred_server::system::unnamed_file;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};

use crate::engine::os_text;
use crate::process::sources::SourceTexts;

/// The program: the path is set before anything is imported from it. What it reads is ASCII.
const PROGRAM: &str = "import json, os, sys; \
    launch = json.load(os.fdopen(int(sys.argv[2]))); \
    control = int(sys.argv[1]); \
    sys.path[:] = launch['path']; \
    sys.argv[:] = launch['argv']; ";

/// Its end for a worker.
const WORK: &str = "from maitred._native import work; \
    sys.exit(work(control, launch['sources'], launch['report']))";

/// Its end for the process that workers are forked from.
const PRELOAD: &str = "from maitred._native import preload; \
    sys.exit(preload(control, launch['sources']))";

/// Variables that speak of the process that the service manager has started.
const OF_THE_SERVICE: [&str; 5] =
    ["NOTIFY_SOCKET", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "MAINPID"];

/// The number of the worker, for the application.
pub(crate) const NUMBER_VARIABLE: &str = "MAITRED_WORKER";

/// What a process is started as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The worker of a number.
    Worker(usize),
    /// It imports the application, and workers are forked from it.
    Mold,
}

/// How a process is started.
pub(crate) struct Launch<'a> {
    pub(crate) role: Role,
    pub(crate) sources: &'a SourceTexts,
    /// Where it starts, if the folder still exists; else in that of this process.
    pub(crate) folder: Option<&'a Path>,
    /// Its end of the control socket.
    pub(crate) control: &'a OwnedFd,
    /// Where it reports the files of its code, in development. It has the standard input then, for
    /// debuggers.
    pub(crate) report: Option<&'a OwnedFd>,
}

/// Starts a process. Returns the `subprocess.Popen`, which must be kept, and its pid.
///
/// # Errors
/// The process or its files cannot be created.
pub(crate) fn launch(py: Python<'_>, launch: &Launch<'_>) -> PyResult<(Py<PyAny>, u32)> {
    let sys = py.import("sys")?;
    let report = launch.report.map(AsRawFd::as_raw_fd);
    // `argv` is for the application to look at: the arguments themselves come with the sources.
    let parameters = PyDict::new(py);
    parameters.set_item("path", strings(&sys.getattr("path")?)?)?;
    parameters.set_item("argv", strings(&sys.getattr("argv")?)?)?;
    parameters.set_item("sources", launch.sources.to_json().to_string())?;
    parameters.set_item("report", report)?;
    let parameters = file_with(&ascii_json(&parameters)?)?;
    let (control, parameters_fd) = (launch.control.as_raw_fd(), parameters.as_raw_fd());
    let subprocess = py.import("subprocess")?;
    let command = PyList::empty(py);
    command.append(sys.getattr("executable")?)?;
    for flag in flags(py)? {
        command.append(os_text::to_python(py, &flag)?)?;
    }
    let (end, name) = match launch.role {
        Role::Worker(number) => (WORK, format!("maitred worker {number}")),
        Role::Mold => (PRELOAD, "maitred preload".to_owned()),
    };
    let program = format!("{PROGRAM}{end}");
    for argument in ["-c", &program, &control.to_string(), &parameters_fd.to_string(), &name] {
        command.append(argument)?;
    }
    let options = PyDict::new(py);
    if report.is_none() {
        options.set_item("stdin", subprocess.getattr("DEVNULL")?)?;
    }
    let passed: Vec<_> = [control, parameters_fd].into_iter().chain(report).collect();
    options.set_item("pass_fds", passed)?;
    options.set_item("env", environment(py, launch.role)?)?;
    if let Some(folder) = launch.folder.filter(|folder| folder.is_dir()) {
        options.set_item("cwd", os_text::to_python(py, folder.as_os_str())?)?;
    }
    let held = HeldSignals::hold()?;
    let process = subprocess.call_method("Popen", (command,), Some(&options));
    drop(held);
    let process = process?;
    let pid = process.getattr("pid")?.extract()?;
    Ok((process.unbind(), pid))
}

/// The texts of a list, also those with surrogates; what is no text is not a path that an import could
/// use.
fn strings<'py>(list: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyString>>> {
    let items: Vec<_> = list.try_iter()?.collect::<PyResult<_>>()?;
    Ok(items.into_iter().filter_map(|item| item.cast_into().ok()).collect())
}

/// JSON in ASCII, as Python writes it: it is read in whatever encoding the locale has, and a surrogate,
/// which stands for a byte of a path that is no text, arrives as it was.
fn ascii_json(value: &Bound<'_, PyAny>) -> PyResult<String> {
    value.py().import("json")?.call_method1("dumps", (value,))?.extract()
}

/// An unnamed file with this content, to be read from its beginning.
fn file_with(content: &str) -> io::Result<File> {
    let mut file = unnamed_file::create(&std::env::temp_dir())?;
    file.write_all(content.as_bytes())?;
    file.rewind()?;
    Ok(file)
}

/// The flags of this interpreter. `subprocess` knows most of them; `-u` and some of `-X` it leaves
/// out.
fn flags(py: Python<'_>) -> PyResult<Vec<OsString>> {
    let known = py.import("subprocess")?.call_method0("_args_from_interpreter_flags")?;
    let mut flags: Vec<OsString> = known.extract()?;
    let options = py.import("sys")?.getattr("_xoptions")?;
    for (name, value) in options.cast::<PyDict>()? {
        let mut option: OsString = name.extract()?;
        // True: it has no value.
        if let Ok(value) = value.extract::<OsString>() {
            option.push("=");
            option.push(value);
        }
        if !flags.contains(&option) {
            flags.extend(["-X".into(), option]);
        }
    }
    let original: Vec<OsString> = py.import("sys")?.getattr("orig_argv")?.extract()?;
    let original = original.iter().map(|argument| argument.to_string_lossy().into_owned());
    if is_unbuffered(&original.collect::<Vec<_>>()) {
        flags.push("-u".into());
    }
    Ok(flags)
}

/// Whether a command line of Python has the option `-u`, alone or with others.
fn is_unbuffered(command: &[String]) -> bool {
    let mut arguments = command.iter().skip(1);
    while let Some(argument) = arguments.next() {
        let Some(letters) = argument.strip_prefix('-').filter(|it| !it.starts_with('-')) else {
            return false;
        };
        for (index, letter) in letters.char_indices() {
            match letter {
                'u' => return true,
                'c' | 'm' => return false,
                'W' | 'X' => {
                    if index + 1 == letters.len() {
                        arguments.next(); // its value
                    }
                    break;
                }
                _ => {}
            }
        }
    }
    false
}

/// The environment of a process. Any variable may hold what is not UTF-8.
fn environment<'py>(py: Python<'py>, role: Role) -> PyResult<Bound<'py, PyDict>> {
    let current = py.import("os")?.getattr("environ")?.call_method0("items")?;
    let mut variables = BTreeMap::new();
    for item in current.try_iter()? {
        let (name, value): (OsString, OsString) = item?.extract()?;
        variables.insert(path_text::from_os(&name), path_text::from_os(&value));
    }
    restore_python_variables(&mut variables, &original_environment());
    variables.retain(|name, _| !OF_THE_SERVICE.contains(&name.as_str()));
    if let Role::Worker(number) = role {
        variables.insert(NUMBER_VARIABLE.to_owned(), number.to_string());
    }
    let environment = PyDict::new(py);
    let python = |text: &str| os_text::to_python(py, path_text::to_path(text).as_os_str());
    for (name, value) in &variables {
        environment.set_item(python(name)?, python(value)?)?;
    }
    Ok(environment)
}

/// The environment that this process was started with, where the system tells.
fn original_environment() -> Vec<(String, String)> {
    #[expect(clippy::disallowed_methods, reason = "a file of the kernel is no settings file")]
    let bytes = std::fs::read("/proc/self/environ").unwrap_or_default();
    let variables = bytes.split(|&byte| byte == 0).filter_map(|entry| {
        let entry = path_text::from_os(OsStr::from_bytes(entry));
        let (name, value) = entry.split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    });
    variables.collect()
}

/// Adds the variables for Python that a wrapper such as `opentelemetry-instrument` has removed, and
/// the folders that it has taken out of `PYTHONPATH`: their `sitecustomize` works in each process.
fn restore_python_variables(
    variables: &mut BTreeMap<String, String>,
    original: &[(String, String)],
) {
    for (name, value) in original.iter().filter(|(name, _)| name.starts_with("PYTHON")) {
        let Some(current) = variables.get_mut(name) else {
            variables.insert(name.clone(), value.clone());
            continue;
        };
        if name == "PYTHONPATH" {
            let added =
                current.split(':').filter(|folder| !value.split(':').any(|it| it == *folder));
            let folders: Vec<_> = value.split(':').chain(added).collect();
            let folders = folders.join(":");
            *current = folders;
        }
    }
}

/// The working directory under the name that it was entered by: a link that a deployment changes
/// later is followed then. `None` if it has no such name.
pub(crate) fn start_folder() -> Option<PathBuf> {
    let named = PathBuf::from(std::env::var_os("PWD")?);
    let (there, here) = (std::fs::metadata(&named).ok()?, std::fs::metadata(".").ok()?);
    let is_here = (there.dev(), there.ino()) == (here.dev(), here.ino());
    (named.is_absolute() && is_here).then_some(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn unbuffered_output_is_found_among_the_flags_and_not_among_the_arguments() {
        for command in ["python -u app.py", "python -Iu -m x", "python -X dev -u -c x"] {
            assert!(is_unbuffered(&words(command)), "{command}");
        }
        for command in ["python app.py -u", "python -m x -u", "python -c u", "python -Xutf8 x"] {
            assert!(!is_unbuffered(&words(command)), "{command}");
        }
        assert!(!is_unbuffered(&words("python -W u -X u x -u")));
    }

    #[test]
    fn variables_for_python_that_a_wrapper_has_removed_come_back() {
        let original = [
            ("PYTHONPATH", "/auto:/mine"),
            ("PYTHONUNBUFFERED", "1"),
            ("PYTHONHASHSEED", "5"),
            ("HOME", "/root"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let current = [("PYTHONPATH", "/mine:/new"), ("PYTHONHASHSEED", "6")];
        let mut variables: BTreeMap<_, _> =
            current.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        restore_python_variables(&mut variables, &original);
        assert_eq!(variables["PYTHONPATH"], "/auto:/mine:/new");
        assert_eq!(variables["PYTHONUNBUFFERED"], "1");
        assert_eq!(variables["PYTHONHASHSEED"], "6");
        assert!(!variables.contains_key("HOME"));
    }
}
