"""Fixtures of the tests of the command line."""

from __future__ import annotations

import os
import subprocess

import pytest
from server import command

OTHERS = ("FLASK_APP", "DJANGO_SETTINGS_MODULE", "PORT", "WEB_CONCURRENCY")
"""Variables of other software that the command line looks at."""


@pytest.fixture
def run(tmp_path):
    """Return a function that runs the program in a folder of the test until it ends."""

    def run(
        *arguments: str, cwd=tmp_path, env=None, descriptors=(), **how
    ) -> subprocess.CompletedProcess[str]:
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("MAITRED") and name not in OTHERS
        }
        return subprocess.run(
            command(*arguments),
            cwd=cwd,
            env={**clean, **(env or {})},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            pass_fds=descriptors,
            **how,
        )

    return run


@pytest.fixture
def project(tmp_path):
    """Return a function that writes the files of a project, and returns its folder."""

    def project(files: dict[str, str]):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return project
