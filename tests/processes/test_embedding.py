"""Tests of worker processes that a program of the user starts, and of what has none."""

from __future__ import annotations

import signal
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


def test_an_application_object_has_no_worker_processes():
    def app(environ, start_response):
        raise NotImplementedError

    for name, value in [("workers", 2), ("max_requests", 5), ("supervisor", "always")]:
        with pytest.raises(ValueError, match=f"`{name}` needs worker processes.*import string"):
            maitred.create_server(app, listen="127.0.0.1:0", **{name: value})
