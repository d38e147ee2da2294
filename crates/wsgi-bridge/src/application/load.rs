//! Loads the application from its name: `module:attribute`, `module:factory()`, `module:a.b`,
//! `module.attribute`, or `module` for its `application` or `app`.
//!
//! Most first attempts fail here, so each error says what was looked for and what exists instead.
//! An exception that the application raises during import is shown with its traceback, from the
//! module's first frame on.

use pyo3::exceptions::{PyModuleNotFoundError, PySyntaxError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyModule, PyTuple};

use super::signature;
pub use super::signature::Kind;
use crate::interpreter::traceback;

/// Why the application could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The text does not have the form of an application name.
    #[error(
        "`{0}` does not name an application: write `module:attribute`, `module:factory()` or \
         `module`"
    )]
    Malformed(String),
    /// There is no such module.
    #[error("there is no module `{module}` (needed for `{spec}`); sys.path is {path}")]
    NoModule {
        /// The module that is missing.
        module: String,
        /// The given name.
        spec: String,
        /// `sys.path`, formatted by Python.
        path: String,
    },
    /// The module raised while it was imported, or the factory while it was called.
    #[error("{action} raised {exception}\n{traceback}")]
    Raised {
        /// The action: "importing `shop.wsgi`", "calling `create_app()`".
        action: String,
        /// The name of the exception's class.
        exception: String,
        /// The traceback as Python prints it, several lines.
        traceback: String,
        /// The exception itself.
        error: Box<PyErr>,
    },
    /// The module has no such attribute.
    #[error("`{owner}` has no attribute `{attribute}`{hint}")]
    NoAttribute {
        /// The module, with the attributes that were found.
        owner: String,
        /// The missing one.
        attribute: String,
        /// A suggestion: empty, or a sentence after a semicolon.
        hint: String,
    },
    /// The module has neither of the default names.
    #[error(
        "module `{module}` has neither `application` nor `app`{hint}: write `{module}:attribute`"
    )]
    NoDefault {
        /// The module.
        module: String,
        /// What may have been meant: empty, or a sentence after a semicolon.
        hint: String,
    },
    /// An argument of the factory is not a literal.
    #[error("the arguments in `{0}` must be literals: text, numbers, True, False, None")]
    NoLiteral(String),
    /// The object is not called with an environ.
    #[error("`{spec}` {problem}")]
    NotWsgi {
        /// What was asked for.
        spec: String,
        /// What the object is, and what to write instead.
        problem: String,
    },
    /// The object cannot be called.
    #[error("`{spec}` is {kind}, which cannot be called as a WSGI application")]
    NotCallable {
        /// What was asked for.
        spec: String,
        /// Its type.
        kind: String,
    },
}

/// Imports the application. The caller sets up `sys.path`.
///
/// # Errors
/// See [`LoadError`].
pub fn load(py: Python<'_>, spec: &str, kind: Kind) -> Result<Py<PyAny>, LoadError> {
    let (module, expression) = match spec.split_once(':') {
        Some((module, expression)) => (module.trim(), Some(expression.trim())),
        None => (spec.trim(), None),
    };
    if !is_dotted_name(module) || expression.is_some_and(str::is_empty) {
        return Err(LoadError::Malformed(spec.to_owned()));
    }
    let mut found = match expression {
        Some(expression) => {
            let module = import(py, module, spec)?;
            evaluate(&module, expression, spec)?
        }
        None => import_dotted(py, module, spec)?,
    };
    if kind == Kind::Factory {
        found = found.call0().map_err(|error| raised(py, format!("calling `{spec}`"), &error))?;
    }
    if !found.is_callable() {
        let kind = type_name(&found);
        return Err(LoadError::NotCallable { spec: spec.to_owned(), kind });
    }
    match signature::mismatch(&found, spec, kind) {
        Some(problem) => Err(LoadError::NotWsgi { spec: spec.to_owned(), problem }),
        None => Ok(found.unbind()),
    }
}

/// Why a callable cannot be a WSGI application, as far as it is known without calling it: the rest of
/// a sentence that begins with its name.
pub fn objection(callable: &Bound<'_, PyAny>) -> Option<String> {
    signature::mismatch(callable, "", Kind::Application)
}

/// Imports a module by its name. The caller sets up `sys.path`.
///
/// # Errors
/// See [`LoadError`].
pub fn import_module(py: Python<'_>, name: &str) -> Result<(), LoadError> {
    import(py, name, name).map(drop)
}

fn is_dotted_name(text: &str) -> bool {
    text.split('.').all(|part| {
        !part.is_empty()
            && !part.starts_with(|first: char| first.is_ascii_digit())
            && part.chars().all(|character| character == '_' || character.is_alphanumeric())
    })
}

fn import<'py>(
    py: Python<'py>,
    module: &str,
    spec: &str,
) -> Result<Bound<'py, PyModule>, LoadError> {
    py.import(module).map_err(|error| match missing_module(py, &error) {
        // The named module or one of its packages is missing. If a module that it imports is missing,
        // the traceback shows where it is imported.
        Some(missing) if module == missing || module.starts_with(&format!("{missing}.")) => {
            let path = py.import("sys").and_then(|sys| sys.getattr("path")?.repr());
            let path = path.map_or_else(|_| String::new(), |path| path.to_string());
            LoadError::NoModule { module: missing, spec: spec.to_owned(), path }
        }
        _ => raised(py, format!("importing `{module}`"), &error),
    })
}

/// The name of the module of a ModuleNotFoundError.
fn missing_module(py: Python<'_>, error: &PyErr) -> Option<String> {
    if !error.is_instance_of::<PyModuleNotFoundError>(py) {
        return None;
    }
    error.value(py).getattr("name").ok()?.extract().ok()
}

/// Imports `module`, or `module.attribute`, which Waitress accepts, too.
fn import_dotted<'py>(
    py: Python<'py>,
    dotted: &str,
    spec: &str,
) -> Result<Bound<'py, PyAny>, LoadError> {
    let error = match import(py, dotted, spec) {
        Ok(module) => return default_attribute(&module),
        Err(error) => error,
    };
    match (dotted.rsplit_once('.'), &error) {
        (Some((parent, attributes)), LoadError::NoModule { module, .. }) if module == dotted => {
            attributes_of(import(py, parent, spec)?.as_any(), parent, attributes)
        }
        // `a.b.c` where `a.b` is a module without submodules: the rest are attributes.
        (Some(_), LoadError::NoModule { module, .. }) if dotted.starts_with(module.as_str()) => {
            let Some((parent, _)) = module.rsplit_once('.') else { return Err(error) };
            let parent = parent.to_owned();
            let attributes = &dotted[parent.len() + 1..];
            attributes_of(import(py, &parent, spec)?.as_any(), &parent, attributes)
        }
        _ => Err(error),
    }
}

fn default_attribute<'py>(module: &Bound<'py, PyModule>) -> Result<Bound<'py, PyAny>, LoadError> {
    for name in ["application", "app"] {
        if let Ok(Some(found)) = module.getattr_opt(name) {
            return Ok(found);
        }
    }
    let callables = public_callables(module);
    let hint = match callables.as_slice() {
        [] => String::new(),
        names => format!("; it has {}", quoted(names)),
    };
    Err(LoadError::NoDefault { module: module_name(module), hint })
}

/// `a.b`, or `a.b(...)` with literal arguments.
fn evaluate<'py>(
    module: &Bound<'py, PyModule>,
    expression: &str,
    spec: &str,
) -> Result<Bound<'py, PyAny>, LoadError> {
    let py = module.py();
    let owner = module_name(module);
    if is_dotted_name(expression) {
        return attributes_of(module, &owner, expression);
    }
    let malformed = || LoadError::Malformed(spec.to_owned());
    let (callee, _) = expression.split_once('(').ok_or_else(malformed)?;
    let callee = callee.trim_end();
    if !is_dotted_name(callee) {
        return Err(malformed());
    }
    let (arguments, keywords) = literal_arguments(py, expression).map_err(|error| {
        if error.is_instance_of::<PySyntaxError>(py) {
            malformed()
        } else {
            LoadError::NoLiteral(expression.to_owned())
        }
    })?;
    attributes_of(module, &owner, callee)?
        .call(arguments, Some(&keywords))
        .map_err(|error| raised(py, format!("calling `{expression}`"), &error))
}

/// The arguments of a call. They must be literals: the name of an application is not a program.
fn literal_arguments<'py>(
    py: Python<'py>,
    expression: &str,
) -> PyResult<(Bound<'py, PyTuple>, Bound<'py, PyDict>)> {
    let ast = py.import("ast")?;
    let evaluate = ast.getattr("literal_eval")?;
    let call = ast.call_method1("parse", (expression, "<application>", "eval"))?.getattr("body")?;
    if !call.is_instance(&ast.getattr("Call")?)? {
        return Err(PySyntaxError::new_err("not a call"));
    }
    let mut arguments = Vec::new();
    for argument in call.getattr("args")?.try_iter()? {
        arguments.push(evaluate.call1((argument?,))?);
    }
    let keywords = PyDict::new(py);
    for keyword in call.getattr("keywords")?.try_iter()? {
        let keyword = keyword?;
        keywords
            .set_item(keyword.getattr("arg")?, evaluate.call1((keyword.getattr("value")?,))?)?;
    }
    Ok((PyTuple::new(py, arguments)?, keywords))
}

/// Follows `attributes`, such as `a.b`, from `owner`.
fn attributes_of<'py>(
    owner: &Bound<'py, PyAny>,
    owner_name: &str,
    attributes: &str,
) -> Result<Bound<'py, PyAny>, LoadError> {
    let py = owner.py();
    let mut name = owner_name.to_owned();
    let mut found = owner.clone();
    for attribute in attributes.split('.') {
        found = match found.getattr_opt(attribute) {
            Ok(Some(next)) => next,
            Ok(None) => {
                let hint = hint(&found, attribute);
                let attribute = attribute.to_owned();
                return Err(LoadError::NoAttribute { owner: name, attribute, hint });
            }
            Err(error) => return Err(raised(py, format!("reading `{name}.{attribute}`"), &error)),
        };
        name = format!("{name}.{attribute}");
    }
    Ok(found)
}

/// A suggestion instead of `attribute`.
fn hint(owner: &Bound<'_, PyAny>, attribute: &str) -> String {
    let py = owner.py();
    let close = py.import("difflib").and_then(|difflib| {
        let names = owner.dir()?;
        difflib.call_method1("get_close_matches", (attribute, names, 1))?.extract::<Vec<String>>()
    });
    let callables = public_callables(owner);
    match (close.ok().and_then(|names| names.into_iter().next()), callables.as_slice()) {
        (Some(name), _) => format!("; did you mean `{name}`?"),
        (None, []) => String::new(),
        (None, names) => format!("; it has {}", quoted(names)),
    }
}

/// Names that could be the application: at most eight callables that the module defines.
fn public_callables(owner: &Bound<'_, PyAny>) -> Vec<String> {
    const SHOWN: usize = 8;
    let own_name = owner.getattr("__name__").ok();
    let is_own = |value: &Bound<'_, PyAny>| match (value.getattr("__module__"), &own_name) {
        (Ok(module), Some(own)) => {
            module.eq(own).unwrap_or(false) || !value.hasattr("__qualname__").unwrap_or(true)
        }
        _ => false,
    };
    let Ok(names) = owner.dir() else { return Vec::new() };
    names
        .iter()
        .filter_map(|name| name.extract::<String>().ok())
        .filter(|name| !name.starts_with('_'))
        .filter(|name| {
            owner.getattr(name.as_str()).is_ok_and(|value| value.is_callable() && is_own(&value))
        })
        .take(SHOWN)
        .collect()
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn module_name(module: &Bound<'_, PyModule>) -> String {
    module.name().map_or_else(|_| "the module".to_owned(), |name| name.to_string())
}

fn type_name(object: &Bound<'_, PyAny>) -> String {
    object
        .get_type()
        .fully_qualified_name()
        .map_or_else(|_| "an object".to_owned(), |name| format!("a `{name}`"))
}

fn raised(py: Python<'_>, action: String, error: &PyErr) -> LoadError {
    LoadError::Raised {
        action,
        exception: traceback::class_name(py, error),
        traceback: traceback::format_exception(py, error),
        error: Box::new(error.clone_ref(py)),
    }
}
