"""Tests that tools which pack programs see what the native module imports."""

from __future__ import annotations

import ast
import re

NAMES = "crates/cli/python/maitred/_native_imports.py"
WITH_PYTHON = ("crates/cli/src", "crates/wsgi-bridge/src")
IMPORT = re.compile(r'\bimport\(\s*(?:intern!\(\s*\w+,\s*)?"([\w.]+)"')
ALWAYS_THERE = {"sys"}


def imported_natively(root, tracked) -> set[str]:
    """Return the modules that Rust code imports, but not in its tests."""
    found = set()
    for path in tracked:
        if path.suffix == ".rs" and str(path).startswith(WITH_PYTHON):
            code = (root / path).read_text().partition("#[cfg(test)]\nmod tests")[0]
            found |= set(IMPORT.findall(code))
    return found - ALWAYS_THERE


def named(root) -> set[str]:
    """Return the modules that the package names."""
    tree = ast.parse((root / NAMES).read_text())
    function = next(node for node in tree.body if isinstance(node, ast.FunctionDef))
    imports = (node for node in ast.walk(function) if isinstance(node, ast.Import))
    return {alias.name for node in imports for alias in node.names}


def test_the_package_names_every_module_that_the_native_code_imports(root, tracked):
    natively = imported_natively(root, tracked)
    assert {"threading", "logging", "maitred._exit"} <= natively
    assert named(root) == natively


def test_the_package_imports_what_names_them(root):
    text = (root / "crates/cli/python/maitred/__init__.py").read_text()
    assert "from maitred import _native_imports" in text


def test_no_module_of_the_package_is_imported_by_a_name_that_is_put_together(root, tracked):
    package = "crates/cli/python/maitred/"
    dynamic = [
        str(path)
        for path in tracked
        if str(path).startswith(package)
        and path.suffix == ".py"
        and re.search(r"import_module\(|__import__\(", (root / path).read_text())
    ]
    assert dynamic == []
