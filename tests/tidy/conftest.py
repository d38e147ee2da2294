"""Fixtures of the tidy tests: the repository, cargo's metadata, and machines that lack programs."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the repository's top folder."""
    return ROOT


@pytest.fixture(scope="session")
def tracked() -> list[Path]:
    """Return every file that git knows or would add, relative to the top."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    paths = (Path(name) for name in listed.stdout.split("\0") if name)
    return [path for path in paths if (ROOT / path).is_file()]


@pytest.fixture(scope="session")
def metadata() -> dict[str, Any]:
    """Return ``cargo metadata``: every package and what it resolved to."""
    told = subprocess.run(
        ["cargo", "metadata", "--format-version=1", "--locked"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(told.stdout)


@pytest.fixture
def machine(tmp_path) -> Callable[..., Callable[..., subprocess.CompletedProcess[str]]]:
    """Return a function that makes a machine: it has these tools of ours, and no other program.

    The machine is a function that runs a command there, with the scripts that it is given as
    further programs and with these variables as the only ones.
    """
    path = tmp_path / "bin"
    path.mkdir()

    def with_tools(*tools: str) -> Callable[..., subprocess.CompletedProcess[str]]:
        for tool in tools:
            (path / tool).symlink_to(shutil.which(tool))

        def run(
            *command: str,
            programs: dict[str, str] | None = None,
            cwd: Path = ROOT,
            **variables: str,
        ) -> subprocess.CompletedProcess[str]:
            for name, script in (programs or {}).items():
                (path / name).write_text(script)
                (path / name).chmod(0o755)
            return subprocess.run(
                [str(path / "bash"), *command],
                cwd=cwd,
                env={"PATH": str(path), "HOME": str(tmp_path), **variables},
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )

        return run

    return with_tools


@pytest.fixture(scope="session")
def refused() -> Callable[[subprocess.CompletedProcess[str]], str]:
    """Return a function that asserts that a program only said one line, and returns it."""

    def line_of(done: subprocess.CompletedProcess[str]) -> str:
        assert (done.returncode, done.stdout) == (1, ""), done
        (line,) = done.stderr.splitlines()
        return line

    return line_of
