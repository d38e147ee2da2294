//! Tests of loading the application, and of the errors.

use maitred_wsgi_bridge::application::load::{Kind, load};
use pyo3::prelude::*;
use pyo3::sync::OnceExt as _;

/// Writes modules into a directory of its own and loads from there.
fn loaded(spec: &str, kind: Kind) -> Result<String, String> {
    static MODULES: std::sync::Once = std::sync::Once::new();
    Python::initialize();
    Python::attach(|py| {
        // Whoever waits for another thread here must not keep the interpreter from it.
        MODULES.call_once_py_attached(py, || {
            py.run(
                cr#"
import os, sys, tempfile
directory = tempfile.mkdtemp()
os.mkdir(os.path.join(directory, "loadable"))
modules = {
    "__init__": "",
    "wsgi": '''
class shop:
    @staticmethod
    def app(environ, start_response): "nested"
def application(environ, start_response): "default"
def create_app(name="plain", *, debug=False):
    def app(environ, start_response): pass
    app.__doc__ = f"{name} {debug}"
    return app
def broken(): raise LookupError("no settings")
def needy(name): pass
async def asgi(scope, receive, send): pass
class Asgi:
    async def __call__(self, scope, receive, send): pass
asgi_object = Asgi()
class Wsgi:
    "object"
    def __init__(self, environ=None, start_response=None): pass
    def __call__(self, environ, start_response): pass
    def method(self, environ, start_response): "method"
    @classmethod
    def of_class(cls, environ, start_response): "of class"
wsgi_object = Wsgi()
import functools
def inner(request): "wrapped"
@functools.wraps(inner)
def wrapped(environ, start_response): pass
def anything(*arguments, **keywords): "anything"
def optional(environ, start_response, more=None): "optional"
partial = functools.partial(optional, more=1)
number = 5
''',
    "onlyapp": 'def app(environ, start_response): "app"',
    "neither": 'def create_app(): pass\nfrom os.path import join',
    "failing": 'def fail():\n    raise ValueError("while importing")\nfail()',
    "needy": "import not_installed_here",
    "syntax": "def (",
}
for name, text in modules.items():
    with open(os.path.join(directory, "loadable", name + ".py"), "w") as file:
        file.write(text)
sys.path.insert(0, directory)
"#,
                None,
                None,
            )
            .unwrap();
        });
        load(py, spec, kind)
            .map(|found| found.bind(py).getattr("__doc__").unwrap().to_string())
            .map_err(|error| error.to_string())
    })
}

#[track_caller]
fn finds(spec: &str, doc: &str) {
    assert_eq!(loaded(spec, Kind::Application).as_deref(), Ok(doc), "{spec}");
}

#[track_caller]
fn says(spec: &str, parts: &[&str]) {
    let error = loaded(spec, Kind::Application).unwrap_err();
    for part in parts {
        assert!(error.contains(part), "{spec}: {error}");
    }
}

#[test]
fn an_application_is_found_by_each_of_its_names() {
    finds("loadable.wsgi:application", "default");
    finds("loadable.wsgi:shop.app", "nested");
    finds("loadable.wsgi", "default");
    finds("loadable.onlyapp", "app");
    finds("loadable.wsgi.application", "default");
    finds("loadable.wsgi.shop.app", "nested");
}

#[test]
fn a_factory_is_called_with_literals() {
    finds("loadable.wsgi:create_app()", "plain False");
    finds("loadable.wsgi:create_app('shop', debug=True)", "shop True");
    assert_eq!(loaded("loadable.wsgi:create_app", Kind::Factory).as_deref(), Ok("plain False"));
}

#[test]
fn a_missing_module_is_named() {
    says("nowhere:app", &["there is no module `nowhere`", "sys.path"]);
    says("loadable.nowhere:app", &["there is no module `loadable.nowhere`"]);
    says("loadable.needy:app", &["importing `loadable.needy` raised", "not_installed_here"]);
}

#[test]
fn a_missing_attribute_comes_with_the_nearest_one() {
    says(
        "loadable.wsgi:aplication",
        &["`loadable.wsgi` has no attribute `aplication`", "did you mean `application`?"],
    );
    says("loadable.wsgi:shop.ap", &["`loadable.wsgi.shop`", "did you mean `app`?"]);
    says("loadable.wsgi:zzz", &["it has `Asgi`, `Wsgi`, `anything`, `application`"]);
    says(
        "loadable.neither",
        &["neither `application` nor `app`", "it has `create_app`", "loadable.neither:"],
    );
}

#[test]
fn an_application_that_is_asgi_is_refused_before_a_client_finds_out() {
    for name in ["asgi", "asgi_object"] {
        let spec = format!("loadable.wsgi:{name}");
        says(&spec, &[&spec, "is an ASGI application", "serves WSGI"]);
    }
}

#[test]
fn a_factory_that_was_not_called_is_refused_with_what_to_write() {
    says(
        "loadable.wsgi:create_app",
        &["does not take `environ` and `start_response`", "write `loadable.wsgi:create_app()`"],
    );
    let error = loaded("loadable.wsgi:needy", Kind::Application).unwrap_err();
    assert!(error.ends_with("so it is no WSGI application"), "{error}");
}

#[test]
fn whatever_may_be_called_with_two_arguments_is_an_application() {
    finds("loadable.wsgi:wsgi_object", "object");
    says("loadable.wsgi:Wsgi", &["is a class, and its objects are no responses"]);
    finds("loadable.wsgi:wsgi_object.method", "method");
    finds("loadable.wsgi:Wsgi.of_class", "of class");
    finds("loadable.wsgi:wrapped", "wrapped");
    finds("loadable.wsgi:anything", "anything");
    finds("loadable.wsgi:optional", "optional");
    assert!(loaded("loadable.wsgi:partial", Kind::Application).is_ok());
}

#[test]
fn an_argument_of_a_factory_is_a_literal() {
    for call in ["create_app(name)", "create_app(print('x'))", "create_app(debug=on)"] {
        says(
            &format!("loadable.wsgi:{call}"),
            &[&format!("arguments in `{call}` must be literals")],
        );
    }
}

#[test]
fn what_cannot_be_called_is_refused() {
    says("loadable.wsgi:number", &["`loadable.wsgi:number` is a `int`, which cannot be called"]);
}

#[test]
fn an_exception_of_the_applications_own_is_shown_from_its_first_frame_on() {
    let error = loaded("loadable.failing:app", Kind::Application).unwrap_err();
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(lines[0], "importing `loadable.failing` raised ValueError");
    assert_eq!(lines[1], "Traceback (most recent call last):");
    assert!(lines[2].contains("failing.py\", line 3, in <module>"), "{error}");
    says("loadable.syntax:app", &["raised SyntaxError", "syntax.py"]);
    says("loadable.wsgi:broken()", &["calling `broken()` raised LookupError", "no settings"]);
}

#[test]
fn a_text_of_another_shape_is_refused() {
    for spec in [
        "",
        ":app",
        "loadable.wsgi:",
        "a b:c",
        "loadable/wsgi.py",
        "loadable.wsgi:create_app(",
        "loadable.wsgi:1+1",
    ] {
        says(spec, &["does not name an application"]);
    }
}
