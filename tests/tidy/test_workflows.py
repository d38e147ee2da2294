"""What the workflows keep to, as far as it can be seen without running them."""

from __future__ import annotations

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
