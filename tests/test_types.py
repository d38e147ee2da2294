"""Tests that the declared types match the package."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import maitred


def check(*command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


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
