"""Tests that a missing tool is named in one line, before anything is built."""

from __future__ import annotations

import shutil
import subprocess

import pytest

TOOLS = ("bash", "env", "dirname", "cat", "rm", "mkdir")


@pytest.fixture
def machine(tmp_path):
    """Return a function that runs `.ci/prepare` where only these programs are on the path."""
    path = tmp_path / "bin"
    path.mkdir()
    for tool in TOOLS:
        (path / tool).symlink_to(shutil.which(tool))

    def prepare(root, **programs: str) -> subprocess.CompletedProcess[str]:
        for name, script in programs.items():
            program = path / name
            program.write_text(script)
            program.chmod(0o755)
        return subprocess.run(
            [str(path / "bash"), ".ci/prepare", str(tmp_path / "venv")],
            cwd=root,
            env={"PATH": str(path), "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return prepare


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


def told(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1, done
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    return line


def test_without_rust(root, machine):
    assert told(machine(root)).startswith("error: Rust is missing: install it from ")


def test_without_a_linker(root, machine):
    assert told(machine(root, cargo=FINE)).startswith("error: a C linker is missing: ")


def test_without_python(root, machine):
    line = told(machine(root, cargo=FINE, cc=FINE))
    assert line.startswith("error: Python is missing: `python3` was not found")


def test_with_a_python_that_is_too_old(root, machine):
    line = told(machine(root, cargo=FINE, cc=FINE, python3=python("3.1")))
    assert line.startswith("error: Python 3.10 or newer is needed, and `python3` is 3.1")


def test_without_venv(root, machine):
    line = told(machine(root, cargo=FINE, cc=FINE, python3=python("3.12", venv=False)))
    assert line.startswith("error: the venv module of `python3` is missing")
