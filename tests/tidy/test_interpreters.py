"""Tests of finding every interpreter of a machine, and of the table of what passed on which."""

from __future__ import annotations

import re
import shutil

import pytest

PREPARE = """#!/bin/sh
mkdir -p $1/bin
cat >$1/bin/python <<END
#!/bin/sh
$PYTHON -m pytest
END
chmod +x $1/bin/python
"""


def python(series: str, tests: str = "3 passed in 0.1s", status: int = 0) -> str:
    """Return a program that looks like an interpreter of this series, whose tests end so."""
    return (
        "#!/bin/sh\n"
        'case "$*" in\n'
        f"*Py_GIL_DISABLED*) echo {series} ;;\n"
        f"*python_version*) echo {series.rstrip('t')}.1 ;;\n"
        f"*pytest*) echo '{tests}'; exit {status} ;;\n"
        "esac\n"
    )


BROKEN = "#!/bin/sh\nexit 127\n"


@pytest.fixture
def run(machine):
    """Return a machine with what the scripts need, and without an interpreter."""
    return machine(
        "bash", "env", "dirname", "sed", "sort", "head", "tail", "cat", "mkdir", "tee", "chmod"
    )


@pytest.fixture
def found(run):
    """Return a function that returns which interpreters are found, by their series."""

    def found(**how) -> dict[str, str]:
        done = run(".ci/interpreters", **how)
        assert (done.returncode, done.stderr) == (0, ""), done
        return {series: path for series, _, path in map(splits, done.stdout.splitlines())}

    return found


def splits(line: str) -> tuple[str, str, str]:
    return line.partition(" ")


def program(folder, text: str, name: str = "python") -> str:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)
    return str(folder / name)


def test_a_series_without_an_interpreter_is_named_all_the_same(found, root):
    promised = re.findall(r"Python :: (3\.\d+)\"", (root / "pyproject.toml").read_text())
    listed = found(programs={"python3.12": python("3.12")})
    assert set(promised) < set(listed)
    assert "3.14t" in listed and "3.13t" not in listed
    assert {series for series, path in listed.items() if path} == {"3.12"}


def test_a_free_threaded_build_is_a_series_of_its_own(found, tmp_path):
    free = program(tmp_path / "free", python("3.14t"))
    listed = found(programs={"python3.14": python("3.14")}, PYTHONS=free)
    assert listed["3.14"] == str(tmp_path / "bin/python3.14")
    assert listed["3.14t"] == free


def test_a_free_threaded_build_of_the_same_name_hides_no_other(found, tmp_path):
    first = tmp_path / "first"
    program(first, python("3.14t"), "python3.14")
    path = f"{first}:{tmp_path / 'bin'}"
    listed = found(programs={"python3.14": python("3.14")}, PATH=path)
    assert listed["3.14"] == str(tmp_path / "bin/python3.14")


def test_pyenv_has_the_newest_of_a_series_and_its_shims_may_not_start(found, tmp_path):
    versions = tmp_path / ".pyenv/versions"
    for version in ("3.13.9", "3.13.10", "3.14.2t", "3.15.0rc1"):
        program(versions / version / "bin", python(version))
    listed = found(programs={"python3.13": BROKEN})
    assert listed["3.13"] == str(versions / "3.13.10/bin/python")
    assert listed["3.14t"] == str(versions / "3.14.2t/bin/python")
    assert listed["3.15"] == str(versions / "3.15.0rc1/bin/python")
    assert listed["3.14"] == ""


@pytest.mark.parametrize("separator", [" ", ":"])
def test_named_interpreters_come_before_those_of_the_path(found, tmp_path, separator):
    named = [program(tmp_path / series, python(series)) for series in ("3.13", "3.16")]
    listed = found(programs={"python3.13": python("3.13")}, PYTHONS=separator.join(named))
    assert listed["3.13"] == named[0]
    assert listed["3.16"] == named[1]


@pytest.mark.parametrize(
    ("series", "wrong"),
    [
        ("2.7", "which is Python 2.7: 3.10 or newer is needed"),
        ("3.9", "which is Python 3.9: 3.10 or newer is needed"),
        ("3.13t", "which is Python 3.13t: 3.10 or newer is needed, or 3.14t or newer"),
    ],
)
def test_a_named_interpreter_that_is_too_old_is_an_error(run, refused, tmp_path, series, wrong):
    old = program(tmp_path / "old", python(series))
    line = refused(run(".ci/interpreters", PYTHONS=old))
    assert line.startswith(f"error: PYTHONS names `{old}`, {wrong}")


def test_a_named_interpreter_that_is_none_is_an_error(run, refused, tmp_path):
    line = refused(run(".ci/interpreters", PYTHONS="/nowhere/python3"))
    assert line == "error: PYTHONS names `/nowhere/python3`, which was not found"
    broken = program(tmp_path / "broken", BROKEN)
    line = refused(run(".ci/interpreters", PYTHONS=broken))
    assert line == f"error: PYTHONS names `{broken}`, which is no CPython that starts"


def test_a_machine_without_an_interpreter_is_an_error(run, refused):
    assert refused(run(".ci/interpreters")).startswith("error: no Python from 3.10 on was found")


@pytest.fixture
def tree(root, tmp_path):
    """Return a tree with the scripts, where environments and wheels are made at once."""
    tree = tmp_path / "tree"
    (tree / ".ci").mkdir(parents=True)
    shutil.copy(root / "pyproject.toml", tree)
    for script in ("interpreters", "test-all"):
        shutil.copy(root / ".ci" / script, tree / ".ci")
    for script, text in {"prepare": PREPARE, "wheel": "#!/bin/sh\nexit 0\n"}.items():
        (tree / ".ci" / script).write_text(text)
        (tree / ".ci" / script).chmod(0o755)
    return tree


def rows(output: str) -> dict[str, list[str]]:
    lines = output[output.rindex("Python  ") :].splitlines()
    return {line.split()[0]: line.split(maxsplit=3)[1:] for line in lines}


def test_the_table_says_what_passed_and_what_was_not_there(run, tree):
    programs = {"python3.12": python("3.12"), "python3.14t": python("3.14t")}
    done = run(".ci/test-all", cwd=tree, programs=programs)
    assert done.returncode == 0, done
    table = rows(done.stdout)
    assert table["3.12"] == ["3.12.1", "passed", "3 passed in 0.1s"]
    assert table["3.14t"] == ["3.14.1", "passed", "3 passed in 0.1s"]
    assert table["3.15t"] == ["-", "-", "none on PATH, under pyenv or in PYTHONS"]


def test_one_failure_fails_all_and_the_others_are_tested_all_the_same(run, tree):
    programs = {
        "python3.12": python("3.12", tests="1 failed, 2 passed in 0.1s", status=1),
        "python3.13": python("3.13"),
    }
    done = run(".ci/test-all", cwd=tree, programs=programs)
    assert done.returncode == 1, done
    table = rows(done.stdout)
    assert table["3.12"] == ["3.12.1", "failed", "1 failed, 2 passed in 0.1s"]
    assert table["3.13"] == ["3.13.1", "passed", "3 passed in 0.1s"]


def test_a_wheel_that_does_not_build_is_a_failure(run, tree):
    (tree / ".ci/wheel").write_text("#!/bin/sh\necho 'error: no wheel' >&2\nexit 1\n")
    done = run(".ci/test-all", cwd=tree, programs={"python3.12": python("3.12")})
    assert done.returncode == 1, done
    assert rows(done.stdout)["3.12"] == ["3.12.1", "failed", "error: no wheel"]
