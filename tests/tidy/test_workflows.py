"""Tests of the workflows, as far as they can be checked without running them."""

from __future__ import annotations

import ast
import re
import subprocess
import sys

import pytest
import yaml

PINNED = re.compile(r"- uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")


@pytest.fixture
def workflows(root):
    """Return every workflow."""
    return sorted((root / ".github/workflows").glob("*.yml"))


def test_every_action_is_named_by_its_commit_and_version(workflows):
    loose = [
        f"{path.name}: {line.strip()}"
        for path in workflows
        for line in path.read_text().splitlines()
        if "uses:" in line and not PINNED.fullmatch(line.strip())
    ]
    assert loose == []


def test_only_publishing_may_do_more_than_read(workflows):
    for path in workflows:
        workflow = yaml.safe_load(path.read_text())
        assert workflow["permissions"] == {"contents": "read"}, path.name
        more = {name for name, job in workflow["jobs"].items() if "permissions" in job}
        assert more <= {"publish"}, path.name


def test_every_job_has_an_end(workflows):
    for path in workflows:
        jobs = yaml.safe_load(path.read_text())["jobs"]
        assert [name for name, job in jobs.items() if "timeout-minutes" not in job] == [], path.name


def test_the_workflows_are_what_the_schema_allows(workflows):
    checked = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]
        + [str(path) for path in workflows],
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout


@pytest.mark.system
def test_linters_of_workflows_find_nothing_wrong(root, workflows, tmp_path):
    for linter in (["actionlint"], ["zizmor", "--offline", "--no-progress", "--quiet"]):
        command = [f"{sys.prefix}/bin/{linter[0]}", *linter[1:], *map(str, workflows)]
        linted = subprocess.run(command, cwd=root, capture_output=True, text=True)
        assert linted.returncode == 0, linted.stdout + linted.stderr


@pytest.mark.parametrize("job", ["linux-test", "musl-test", "windows-and-macos", "sdist"])
def test_what_tests_of_a_wheel_import_is_installed_for_them(root, job):
    workflow = yaml.safe_load((root / ".github/workflows/wheels.yml").read_text())
    commands = " ; ".join(step.get("run", "") for step in workflow["jobs"][job]["steps"])
    folders = re.findall(r"tests/\w+(?=[\s']|$)", commands)
    modules = [*(root / "tests").glob("[!t]*.py")]
    modules += [path for folder in folders for path in (root / folder).glob("*.py")]
    installed = {"maitred"}
    for asked in re.findall(r"pip install ([^;]*)", commands):
        for name in re.findall(r"-r (\S+)", asked):
            installed |= set(re.findall(r"(?m)^([\w.-]+)==", (root / name).read_text()))
        installed |= {word for word in asked.split() if word.isidentifier()}
    known = installed | {path.stem for path in modules} | sys.stdlib_module_names
    assert folders != []
    assert {path.name: imported(path) - known for path in modules if imported(path) - known} == {}


def imported(path):
    """Return the top-level names that a module imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module.split(".")[0])
    return names
