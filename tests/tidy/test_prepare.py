"""Tests that a missing tool is named in one line, before anything is built."""

from __future__ import annotations

import pytest


@pytest.fixture
def prepare(machine, tmp_path, refused):
    """Return a function that runs `.ci/prepare` with these programs, and returns what it says."""
    run = machine("bash", "env", "dirname", "cat", "rm", "mkdir")
    return lambda **programs: refused(run(".ci/prepare", str(tmp_path / "venv"), programs=programs))


FINE = "#!/bin/sh\nexit 0\n"


def python(version: str, venv: bool = True) -> str:
    """Return a program that looks like a Python of this version."""
    new = "0" if version >= "3.10" else "1"
    return (
        "#!/bin/sh\n"
        'case "$2" in\n'
        f"*version_info*) exit {new} ;;\n"
        f"*python_version*) echo {version} ;;\n"
        f"*venv*) exit {0 if venv else 1} ;;\n"
        "esac\n"
    )


def test_without_rust(prepare):
    assert prepare().startswith("error: Rust is missing: install it from ")


def test_without_a_linker(prepare):
    assert prepare(cargo=FINE).startswith("error: a C linker is missing: ")


def test_without_python(prepare):
    line = prepare(cargo=FINE, cc=FINE)
    assert line.startswith("error: Python is missing: `python3` was not found")


def test_with_a_python_that_is_too_old(prepare):
    line = prepare(cargo=FINE, cc=FINE, python3=python("3.1"))
    assert line.startswith("error: Python 3.10 or newer is needed, and `python3` is 3.1")


def test_without_venv(prepare):
    line = prepare(cargo=FINE, cc=FINE, python3=python("3.12", venv=False))
    assert line.startswith("error: the venv module of `python3` is missing")
