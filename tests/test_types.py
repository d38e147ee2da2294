"""Tests of the declared types: they match the package, and find the mistakes of programs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import maitred
import pytest

PROGRAMS = Path(__file__).parent / "typing"
RIGHT = sorted(PROGRAMS.glob("right/*.py"))
WRONG = sorted(PROGRAMS.glob("wrong/*.py"))
"""Ten programs that embed the server, and ten with one mistake each, in the line that says so."""


def run(*command: str) -> subprocess.CompletedProcess[str]:
    # pyright looks at the packages of the first `python` of PATH.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [sys.executable, "-m", *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, "PATH": path},
    )


def check(*command: str) -> None:
    done = run(*command)
    assert done.returncode == 0, done.stdout + done.stderr


def mistakes(files: list[Path]) -> set[tuple[str, int]]:
    """Return the lines that say that they are wrong, by the name of the file."""
    return {
        (file.name, number)
        for file in files
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if line.endswith("# wrong")
    }


def test_there_are_ten_right_and_ten_wrong_programs():
    assert (len(RIGHT), len(WRONG)) == (10, 10)
    assert (len(mistakes(RIGHT)), len(mistakes(WRONG))) == (0, 10)


def test_mypy_accepts_the_right_programs_and_finds_each_mistake(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run("mypy", "--strict", *map(str, [*RIGHT, *WRONG]))
    found = re.findall(r"^(?:.*/)?(\w+\.py):(\d+): error:", done.stdout, re.MULTILINE)
    assert {(name, int(line)) for name, line in found} == mistakes(WRONG), done.stdout


@pytest.mark.system
def test_pyright_accepts_the_right_programs_and_finds_each_mistake(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    for file in [*RIGHT, *WRONG]:
        shutil.copy(file, tmp_path)
    told = json.loads(run("pyright", "--outputjson").stdout)
    errors = [found for found in told["generalDiagnostics"] if found["severity"] == "error"]
    lines = {(Path(e["file"]).name, e["range"]["start"]["line"] + 1) for e in errors}
    assert told["summary"]["filesAnalyzed"] == 20
    assert lines == mistakes(WRONG), errors


@pytest.mark.system
def test_every_public_name_has_a_type(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = ("pyright", "--verifytypes", "maitred", "--ignoreexternal", "--outputjson")
    told = json.loads(run(*command).stdout)
    completeness = told["typeCompleteness"]
    unknown = [s["name"] for s in completeness["symbols"] if not s["isTypeKnown"]]
    assert (completeness["completenessScore"], unknown) == (1, [])


def test_the_stub_of_the_native_module_says_what_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check("mypy.stubtest", "maitred._native")


def test_the_package_keeps_to_its_own_types(tmp_path, monkeypatch):
    # Where mypy looks at what it finds as ours: it takes what is installed as it is. What Django
    # imports is left out, because Django has no types.
    django = shutil.ignore_patterns("management", "django_prodserver.py", "*.so")
    shutil.copytree(Path(maitred.__file__).parent, tmp_path / "maitred", ignore=django)
    monkeypatch.chdir(tmp_path)
    check("mypy", "--strict", "-p", "maitred")


def test_the_package_says_that_it_is_typed():
    assert (Path(maitred.__file__).parent / "py.typed").is_file()


def test_the_help_of_the_functions_names_the_settings():
    for keyword in ("threads", "listen", "graceful_timeout", "recv_bytes"):
        assert f"- `{keyword}`" in (maitred.serve.__doc__ or "")
