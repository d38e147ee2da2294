"""Tests of what a packed program is told that is to have worker processes.

The interpreter says of itself what packers make it say; real ones are in test_packed_programs.py.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

PACKERS = {
    "PyInstaller": "sys.frozen = True",
    "Nuitka": "__compiled__ = types.SimpleNamespace(standalone=True)",
    "no interpreter": "sys.executable = ''",
}
NEEDS = "needs worker processes, and a packed program has no interpreter to start them with"


def run(tmp_path, packer: str, *arguments: str, **variables: str):
    """Run the command line in a program that is packed in this way."""
    program = f"import sys, types\n{packer}\nimport maitred.runner\nsys.exit(maitred.runner.run())"
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=tmp_path,
        env={name: it for name, it in os.environ.items() if "MAITRED" not in name} | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("packer", PACKERS.values(), ids=PACKERS)
def test_preload_in_a_packed_program_is_refused_with_the_place_where_it_is_set(tmp_path, packer):
    serve = ("--listen=127.0.0.1:0", "maitred.demo:app")
    asked = [run(tmp_path, packer, "--preload", *serve)]
    asked.append(run(tmp_path, packer, *serve, MAITRED_PRELOAD="true"))
    (tmp_path / "maitred.toml").write_text("threads = 2\npreload = true\n")
    asked.append(run(tmp_path, packer, *serve))
    variable = "environment variable MAITRED_PRELOAD"
    places = ["command line: --preload", variable, "maitred.toml:2:11"]
    for done, place in zip(asked, places, strict=True):
        assert done.returncode == 2, done.stderr
        assert done.stderr.startswith(f"error: `preload` {NEEDS}\n"), done.stderr
        assert place in done.stderr
        assert "leave it out, and start the program several times behind a proxy" in done.stderr
        assert "nothing was started" in done.stderr


def test_every_setting_that_needs_worker_processes_is_named_in_a_packed_program(tmp_path):
    options = ("--workers=2", "--preload", "--max-requests=9", "--supervisor=always")
    done = run(tmp_path, PACKERS["PyInstaller"], *options, "maitred.demo:app")
    assert done.returncode == 2
    named = re.findall(rf"^error: `([\w-]+)` {NEEDS}$", done.stderr, re.MULTILINE)
    assert named == ["workers", "preload", "max-requests", "supervisor"]


def test_a_program_that_nuitka_has_only_compiled_has_an_interpreter(tmp_path):
    compiled = "__compiled__ = types.SimpleNamespace(standalone=False)"
    done = run(tmp_path, compiled, "check", "--preload", "maitred.demo:app")
    assert done.returncode == 0, done.stderr
