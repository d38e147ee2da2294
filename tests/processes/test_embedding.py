"""Tests of worker processes that a program of the user starts, and of what has none."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import maitred
import pytest
from client import request
from server import Server

HERE = Path(__file__).parent

EMBEDDING = """
import subprocess
import maitred
from maitred.runner import run

if __name__ == "__main__":
    child = subprocess.Popen(["sleep", "600"])
    path = {path!r}
    {call}
    child.kill()
    print("went on", child.wait(), flush=True)
"""


@pytest.mark.parametrize(
    "call",
    [
        "run(['maitred', '--workers=2', '--listen=127.0.0.1:0',"
        " *('--python-path=' + it for it in path), 'workers_app:app'])",
        "maitred.serve('workers_app:app', workers=2, listen='127.0.0.1:0', python_path=path)",
    ],
)
def test_a_program_goes_on_after_its_server_with_workers_has_ended(tmp_path, call):
    path = [str(HERE), str(HERE.parent)]
    (tmp_path / "embedding.py").write_text(EMBEDDING.format(path=path, call=call))
    server = Server([sys.executable, "embedding.py"], tmp_path)
    try:
        server.wait_for("serving on .* with 2 worker processes")
        with server.connect() as connection:
            assert connection.ask(request("/")).status == 200
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
        assert server.output == "went on -9\n"
    finally:
        server.close()


def test_a_worker_that_imports_a_program_which_serves_is_refused_and_starts_no_others(tmp_path):
    (tmp_path / "unguarded.py").write_text(
        "import maitred\n"
        "def app(environ, start_response): ...\n"
        "maitred.serve('unguarded:app', workers=2, listen='127.0.0.1:0')\n"
    )
    program = subprocess.run(
        [sys.executable, "unguarded.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert program.returncode == 1
    told = 'call `run` or `serve` only below `if __name__ == "__main__":`'
    assert program.stderr.count(told) == 1, program.stderr


def test_an_application_object_has_no_worker_processes():
    def app(environ, start_response):
        raise NotImplementedError

    for name, value in [("workers", 2), ("max_requests", 5), ("supervisor", "always")]:
        with pytest.raises(ValueError, match=f"`{name}` needs worker processes.*import string"):
            maitred.create_server(app, listen="127.0.0.1:0", **{name: value})
