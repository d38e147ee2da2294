//! Detects callables that cannot be WSGI applications: an ASGI application given by mistake, and a
//! factory that was not called. Otherwise only the first request would reveal the mistake.
//!
//! Only functions are checked, and only by the parameters of their own code: the signature that a
//! decorator reports (`__wrapped__`, `__signature__`) may differ from the real one. In doubt, the
//! callable is accepted.

use pyo3::prelude::*;
use pyo3::types::PyType;

/// Whether the named object is the application, or creates it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It is the application.
    Application,
    /// It is called without arguments, and returns the application.
    Factory,
}

/// Flags of a code object (`inspect.CO_*`).
const VARIADIC: u32 = 0x04;
const COROUTINE: u32 = 0x80;
const ASYNC_GENERATOR: u32 = 0x200;

/// `environ` and `start_response`.
const WSGI_ARGUMENTS: usize = 2;

/// Why `found` is not a WSGI application, as the rest of a sentence that begins with its name.
pub(crate) fn mismatch(found: &Bound<'_, PyAny>, spec: &str, kind: Kind) -> Option<String> {
    // Calling an object runs `__call__` of its class. Calling a class creates an object, which may
    // itself be the response.
    let function = match Plain::of(found) {
        Some(function) => function,
        None if found.is_instance_of::<PyType>() => return class_mismatch(found),
        None => Plain::of(&found.get_type().getattr("__call__").ok()?)?.bound(),
    };
    if function.is_async {
        return Some(
            "is an ASGI application, which is called with a scope: Maitred serves WSGI (in Django \
             `wsgi.py`, not `asgi.py`; other ASGI applications need an ASGI server)"
                .into(),
        );
    }
    if function.takes(WSGI_ARGUMENTS) {
        return None;
    }
    let problem = "does not take `environ` and `start_response`, so it is no WSGI application";
    if kind == Kind::Application && function.takes(0) && !spec.contains('(') && spec.contains(':') {
        return Some(format!("{problem}; if it makes one, write `{spec}()`"));
    }
    Some(problem.into())
}

/// Why a class is not a WSGI application: calling it creates an object, which would be the response,
/// and must be iterable (PEP 3333).
fn class_mismatch(class: &Bound<'_, PyAny>) -> Option<String> {
    // `callable(object)` is true for an object of a class with `__call__`, and so may be one that a
    // framework serves.
    let has = |name: &str| class.hasattr(name).unwrap_or(true);
    if has("__iter__") || has("__getitem__") {
        return None;
    }
    Some("is a class, and its objects are no responses: name an object of it".into())
}

/// The signature of a function or method written in Python.
struct Plain {
    /// The minimum and maximum number of positional arguments.
    least: usize,
    most: Option<usize>,
    /// Whether there are keyword-only arguments without a default.
    needs_keywords: bool,
    is_async: bool,
}

impl Plain {
    fn of(callable: &Bound<'_, PyAny>) -> Option<Self> {
        let method = callable.getattr_opt("__func__").ok()?;
        let function = method.as_ref().unwrap_or(callable);
        if !function.get_type().name().is_ok_and(|name| name == "function") {
            return None;
        }
        let plain = Self::of_function(function).ok()?;
        Some(if method.is_some() { plain.bound() } else { plain })
    }

    fn of_function(function: &Bound<'_, PyAny>) -> PyResult<Self> {
        let code = function.getattr("__code__")?;
        let number = |name: &str| code.getattr(name)?.extract::<usize>();
        let flags: u32 = code.getattr("co_flags")?.extract()?;
        let most = number("co_argcount")?;
        let length = |name: &str| {
            let defaults = function.getattr(name)?;
            if defaults.is_none() { Ok(0) } else { defaults.len() }
        };
        Ok(Self {
            least: most.saturating_sub(length("__defaults__")?),
            most: (flags & VARIADIC == 0).then_some(most),
            needs_keywords: number("co_kwonlyargcount")? > length("__kwdefaults__")?,
            is_async: flags & (COROUTINE | ASYNC_GENERATOR) != 0,
        })
    }

    /// The signature without the first argument, which is already bound.
    fn bound(self) -> Self {
        Self {
            least: self.least.saturating_sub(1),
            // `def method(*all)` has no explicit first argument.
            most: self.most.map(|most| most.saturating_sub(1)),
            ..self
        }
    }

    fn takes(&self, count: usize) -> bool {
        !self.needs_keywords && self.least <= count && self.most.is_none_or(|most| count <= most)
    }
}
