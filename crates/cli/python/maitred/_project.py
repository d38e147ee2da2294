"""Finds the application of a project in its files. They are read, never imported.

The first of these that names an application ends the search: the settings module that `manage.py`
names; then `wsgi.py`, `app.py`, `FLASK_APP` and a `create_app` factory together. The command line
serves what is found only if there is exactly one.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

FILE_BYTES_MAX = 1 << 20
"""Larger files are not read: no person wrote them."""

FILES_MAX = 200
"""How many files of the folder are looked at."""

STAR_IMPORTS_MAX = 5
"""How many `from .base import *` are followed from one settings module to the next."""

NAMES = ("application", "app")
FACTORIES = ("create_app", "make_app")

SETTINGS_VARIABLE = "DJANGO_SETTINGS_MODULE"


class Found(NamedTuple):
    """An application, and what suggests it: the rest of a sentence."""

    app: str
    reason: str


def find(folder: str, environ: Mapping[str, str]) -> list[Found]:
    """Return the applications that the files of a folder suggest."""
    root = Path(folder)
    if django := _django(root, environ):
        return [django]
    wsgi, app = _in_module(root, "wsgi"), _in_module(root, "app")
    if wsgi and "app" in _sources(root, "wsgi", wsgi):
        app = []  # wsgi.py serves what app.py makes
    found = [*wsgi, *app, *_flask(root, environ)] or list(_factories(root))
    return list({one.app: one for one in reversed(found)}.values())[::-1]


def nearby(folder: str) -> list[Found]:
    """Return applications in files with other names: hints, because they may be anything."""
    root = Path(folder)
    modules = [path.stem for path in _files(root, "*.py")]
    return [one for module in modules for one in _in_module(root, module)]


def elsewhere(module: str, folder: str) -> str | None:
    """Return where a module that cannot be imported from a folder is: the option that helps."""
    root, first = Path(folder).resolve(), module.partition(".")[0]
    if root.name == first and (root / "__init__.py").is_file():
        return "--chdir=.."
    for path in sorted(root.glob("[!.]*/"))[:FILES_MAX]:
        if path.is_dir() and _file_of(path, first):
            return f"--chdir={path.name}"
    return None


def _django(root: Path, environ: Mapping[str, str]) -> Found | None:
    """Return the application of the settings that `manage.py` names."""
    tree = _tree(root / "manage.py")
    settings = tree and (environ.get(SETTINGS_VARIABLE) or _settings_module(tree))
    if not settings:
        return None
    who = f"`manage.py` names the settings `{settings}`"
    if application := _wsgi_application(root, settings):
        module, _, attribute = application.rpartition(".")
        reason = f"{who}, whose `WSGI_APPLICATION` is `{application}`"
        return Found(f"{module}:{attribute}", reason)
    package = settings.partition(".")[0]
    for app, reason in _in_module(root, f"{package}.wsgi"):
        return Found(app, f"{who}, and {reason}")
    return None


def _settings_module(tree: ast.Module) -> str | None:
    """Return what `os.environ.setdefault("DJANGO_SETTINGS_MODULE", …)` sets."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="setdefault"),
                args=[ast.Constant(value=name), ast.Constant(value=str(value))],
            ) if name == SETTINGS_VARIABLE:
                return value
            case ast.Assign(
                targets=[ast.Subscript(slice=ast.Constant(value=name))],
                value=ast.Constant(value=str(value)),
            ) if name == SETTINGS_VARIABLE:
                return value
    return None


def _wsgi_application(root: Path, module: str, depth: int = 0) -> str | None:
    """Return the `WSGI_APPLICATION` of a settings module, or of those that it takes all from."""
    path = _file_of(root, module)
    tree = _tree(path) if path else None
    if path is None or tree is None or depth > STAR_IMPORTS_MAX:
        return None
    found = None
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in _statements(tree.body):
        match node:
            case ast.Assign(
                targets=[ast.Name(id="WSGI_APPLICATION")], value=ast.Constant(value=str(value))
            ):
                found = value
            case ast.ImportFrom(names=[ast.alias(name="*")]):
                parts = package.split(".")[: len(package.split(".")) - max(node.level - 1, 0)]
                base = [*parts, node.module or ""] if node.level else [node.module or ""]
                found = _wsgi_application(root, ".".join(base).strip("."), depth + 1) or found
    return found


def _flask(root: Path, environ: Mapping[str, str]) -> list[Found]:
    """Return what `FLASK_APP` names: `module`, `module:name`, or the path of a file."""
    text = environ.get("FLASK_APP", "").strip()
    module, colon, name = (part.strip() for part in text.partition(":"))
    module = re.sub(r"^\./|\.py$", "", module.replace("\\", "/")).replace("/", ".")
    if not module:
        return []
    reason = f"`FLASK_APP` is `{text}`"
    if not colon:
        found = _in_module(root, module)
        return [Found(one.app, reason) for one in found] or [Found(module, reason)]
    path = _file_of(root, module)
    tree = _tree(path) if path else None
    if tree and any(node.name == name for node in _factory_functions(tree)):
        name = f"{name}()"
    return [Found(f"{module}:{name}", reason)]


def _factories(root: Path) -> Iterator[Found]:
    """Yield the `create_app` factories of the packages and modules of a folder."""
    packages = [path.parent.name for path in _files(root, "*/__init__.py")]
    modules = [path.stem for path in _files(root, "*.py")]
    for module in [*packages, *modules]:
        path = _file_of(root, module)
        tree = _tree(path) if path else None
        if path is None or tree is None:
            continue
        for function in _factory_functions(tree):
            if function.name in FACTORIES:
                where = path.relative_to(root).as_posix()
                reason = f"`{where}` has the factory `{function.name}`"
                yield Found(f"{module}:{function.name}()", reason)


def _in_module(root: Path, module: str) -> list[Found]:
    """Return the applications of a module: two only if neither is made from the other."""
    path = _file_of(root, module)
    tree = _tree(path) if path else None
    if path is None or tree is None:
        return []
    where = path.relative_to(root).as_posix()
    named = _named(tree)
    names = [name for name in NAMES if name in named]
    if len(names) == 2:
        application, app = (named[name] for name in NAMES)
        if application is app or "app" in _mentioned(application):
            names = ["application"]
        elif "application" in _mentioned(app):
            names = ["app"]
    if names:
        return [Found(f"{module}:{name}", f"`{where}` has `{name}`") for name in names]
    made = [node.name for node in _factory_functions(tree) if node.name in FACTORIES]
    return [Found(f"{module}:{name}()", f"`{where}` has the factory `{name}`") for name in made[:1]]


def _sources(root: Path, module: str, found: list[Found]) -> set[str]:
    """Return the modules that the application of a module is imported from, or made with."""
    path = _file_of(root, module)
    tree = _tree(path) if path else None
    if tree is None:
        return set()
    imported = {
        alias.asname or alias.name: node.module or alias.name
        for node in _statements(tree.body)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    imported |= {
        alias.asname or alias.name: alias.name
        for node in _statements(tree.body)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    named = _named(tree)
    used = set()
    for one in found:
        name = one.app.partition(":")[2]
        used |= {name} | (_mentioned(named[name]) if name in named else set())
    return {imported[name] for name in used if name in imported}


def _named(tree: ast.Module) -> dict[str, ast.AST]:
    """Return what a module's `application` and `app` are: the statements that set them."""
    named: dict[str, ast.AST] = {}
    for node in _statements(tree.body):
        match node:
            case ast.Assign(targets=targets):
                names = [target.id for target in targets if isinstance(target, ast.Name)]
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
                names = [name]
            case ast.FunctionDef(name=name, args=arguments) if len(arguments.args) == 2:
                names = [name]
            case ast.ImportFrom(names=aliases):
                names = [alias.asname or alias.name for alias in aliases]
            case _:
                names = []
        named |= dict.fromkeys((name for name in names if name in NAMES), node)
    return named


def _mentioned(node: ast.AST) -> set[str]:
    value = getattr(node, "value", None)
    if not isinstance(value, ast.AST):
        return set()
    return {name.id for name in ast.walk(value) if isinstance(name, ast.Name)}


def _factory_functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    """Yield the functions that can be called without arguments."""
    for node in _statements(tree.body):
        if isinstance(node, ast.FunctionDef):
            positional = [*node.args.posonlyargs, *node.args.args]
            if len(positional) <= len(node.args.defaults) and None not in node.args.kw_defaults:
                yield node


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run at import, as far as that can be known."""
    for node in body:
        yield node
        match node:
            case ast.If(test=ast.Compare(left=ast.Name(id="__name__"))):
                pass
            case ast.If(body=inner, orelse=other):
                yield from _statements([*inner, *other])
            case ast.Try(body=inner, handlers=handlers, orelse=other, finalbody=last):
                caught = [line for handler in handlers for line in handler.body]
                yield from _statements([*inner, *caught, *other, *last])
            case ast.With(body=inner):
                yield from _statements(inner)


def _file_of(root: Path, module: str) -> Path | None:
    """Return the file of a module below a folder."""
    parts = module.split(".")
    if not all(part.isidentifier() for part in parts):
        return None
    path = root.joinpath(*parts)
    for candidate in (path / "__init__.py", path.with_name(f"{path.name}.py")):
        if candidate.is_file():
            return candidate
    return None


def _files(root: Path, pattern: str) -> list[Path]:
    ours = {"manage.py", "setup.py", "conftest.py", "noxfile.py"}
    paths = sorted(root.glob(pattern))[:FILES_MAX]
    return [path for path in paths if path.name not in ours and not path.name.startswith("test_")]


def _tree(path: Path) -> ast.Module | None:
    """Return the syntax tree of a file, or nothing if it cannot be read as Python."""
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the import will show them
            return ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None
