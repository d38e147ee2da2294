"""Tests of the JSON Schema with two validators."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

SCHEMA = "crates/cli/python/maitred/maitred.schema.json"
RIGHT = ["docs/maitred.toml", "deploy/docker/maitred.toml"]
WRONG = {
    "a name that is none": "threds = 8\n",
    "a number that is too small": "threads = 0\n",
    "a unit that is none": 'header-timeout = "5 minutes"\n',
    "a word that is none": 'log-format = "xml"\n',
    "text for a truth value": 'call = "yes"\n',
    "two ways to listen": 'listen = "*:80"\nhost = "::1"\n',
    "the other spelling": 'queue_limit = "many"\n',
}


def check_jsonschema(root: Path, path: Path) -> subprocess.CompletedProcess[str]:
    """Validate a file with check-jsonschema."""
    command = [sys.executable, "-m", "check_jsonschema", "--schemafile", str(root / SCHEMA)]
    return subprocess.run([*command, str(path)], check=False, capture_output=True, text=True)


def tombi(root: Path, path: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Validate a file with tombi, which editors use; the schema is named in its first line."""
    copy = folder / "maitred.toml"
    copy.write_text(f"#:schema file://{root / SCHEMA}\n{path.read_text()}")
    command = [str(Path(sys.executable).parent / "tombi"), "lint", "--offline", str(copy)]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder)


def test_the_schema_is_a_schema(root):
    command = [sys.executable, "-m", "check_jsonschema", "--check-metaschema", str(root / SCHEMA)]
    told = subprocess.run(command, check=False, capture_output=True, text=True)
    assert told.returncode == 0, told.stdout


@pytest.mark.parametrize("name", RIGHT)
def test_the_settings_files_of_the_repository_are_right(root, tmp_path, name):
    for told in (check_jsonschema(root, root / name), tombi(root, root / name, tmp_path)):
        assert told.returncode == 0, told.stdout + told.stderr


def test_the_defaults_of_the_sample_are_right(root, tmp_path):
    # They are comments; examples, which exclude each other, say that they are some.
    text = (root / "docs/maitred.toml").read_text()
    defaults = re.findall(r"^# ([\w-]+ = (?:(?!  # an example).)*)$", text, re.M)
    assert len(defaults) > 50
    path = tmp_path / "defaults.toml"
    path.write_text("\n".join(defaults) + "\n")
    for told in (check_jsonschema(root, path), tombi(root, path, tmp_path)):
        assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.parametrize("toml", WRONG.values(), ids=WRONG.keys())
def test_a_mistake_is_seen_in_the_editor(root, tmp_path, toml):
    path = tmp_path / "wrong.toml"
    path.write_text(toml)
    for told in (check_jsonschema(root, path), tombi(root, path, tmp_path)):
        assert told.returncode != 0, told.stdout + told.stderr
