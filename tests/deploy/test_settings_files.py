"""Tests that the installed program accepts every settings file in `deploy/`."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from manifests import DEPLOY
from server import command

FILES = sorted(DEPLOY.rglob("maitred.toml"))


def understood(file: Path) -> subprocess.CompletedProcess[str]:
    """Let the program read the file and show what it made of it."""
    return subprocess.run(
        command("config", "show", f"--config={file}"),
        cwd=file.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(DEPLOY)))
def test_each_file_is_understood_without_a_word(file: Path) -> None:
    shown = understood(file)
    assert shown.stderr == ""
    assert shown.returncode == 0


def test_so_is_what_the_systemd_unit_recommends(tmp_path: Path) -> None:
    text = (DEPLOY / "systemd" / "maitred.service").read_text(encoding="utf-8")
    sample = tmp_path / "maitred.toml"
    sample.write_text("\n".join(re.findall(r"^#     (.*)$", text, re.M)), encoding="utf-8")
    shown = understood(sample)
    assert shown.stderr == ""
    assert shown.returncode == 0


def test_a_misspelt_setting_would_be_noticed(tmp_path: Path) -> None:
    text = FILES[0].read_text(encoding="utf-8").replace("listen", "lisen")
    sample = tmp_path / "maitred.toml"
    sample.write_text(text, encoding="utf-8")
    assert understood(sample).returncode == 2
