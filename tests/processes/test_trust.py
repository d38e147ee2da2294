"""Tests of what a worker can do to the supervisor and to others, and who else could."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import sys
from pathlib import Path

import pytest
from client import ResponseError, request
from observing import until
from unmovable import keep_busy, unmovable

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc")

VANDAL = """
import os
import random
import socket

import hand_off_app

def spoil():
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        try:
            link = os.readlink(f"/proc/self/fd/{descriptor}")
        except FileNotFoundError:
            continue
        if link.startswith("/memfd:maitred"):
            size = os.fstat(descriptor).st_size
            os.pwrite(descriptor, random.randbytes(size), 0)
        elif link.startswith("socket:"):
            with socket.socket(fileno=os.dup(descriptor)) as end:
                if end.family == socket.AF_UNIX:
                    try:
                        end.send(random.randbytes(500), socket.MSG_DONTWAIT)
                    except OSError:
                        pass

def app(environ, start_response):
    if environ["PATH_INFO"] == "/spoil":
        spoil()
    return hand_off_app.app(environ, start_response)
"""


def test_a_worker_that_writes_anything_anywhere_costs_its_process_and_not_the_server(
    workers, gate, tmp_path
):
    (tmp_path / "vandal.py").write_text(VANDAL)
    server = workers("--workers=3", "--threads=1", app="vandal:app")
    before = server.until_ready(3)
    with server.server.connect() as connection:
        connection.send(request("/spoil"))
        connection.read()
    # What it has sent to the supervisor is no message, so it is ended and replaced.
    server.server.wait_for("a worker process sent a message of|sent no message of this version")
    paths = ["/livez", "/metrics", "/statusz", "/statusz?stacks=1"]
    assert {server.admin.status(path) for path in paths} == {200}
    until(lambda: len(set(before.values()) & set(server.ready().values())) == 2, "one is gone")
    server.until_ready(3)

    def serves() -> bool:
        try:
            answers = {server.ask()["pid"] for _ in range(30)}
        except (ConnectionError, ResponseError, json.JSONDecodeError):
            return False
        return answers <= set(server.ready().values())

    until(serves, "what was written to the board is corrected")
    until(lambda: server.admin.status("/readyz") == 200, "the server is ready")
    after = set(server.ready().values())
    for free in after & set(before.values()):
        # Who has room is found again by those who have none.
        busy = after - {free}
        client = server.connect_to(min(busy))
        with client, contextlib.ExitStack() as stack:
            for pid in busy:
                stack.enter_context(keep_busy(server, gate, pid, "/wait"))
            client.send(request("/"))
            assert json.loads(client.read().body)["pid"] == free
            gate.open()
    assert server.server.process.poll() is None
    assert "panicked" not in server.server.log
    server.server.signal()
    assert server.server.wait() == 0


def test_what_the_processes_share_has_no_name_and_belongs_to_the_user(workers, tmp_path):
    folder = tmp_path / "temporary"
    folder.mkdir()
    server = workers("--workers=2", f"--temp-dir={folder}")
    pids = [*server.until_ready(2).values(), server.server.process.pid]
    named = {
        fields[6]: fields[7]
        for line in Path("/proc/net/unix").read_text().splitlines()[1:]
        if len(fields := line.split()) == 8
    }
    memories = 0
    for pid in pids:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            try:
                link = str(descriptor.readlink())
            except FileNotFoundError:  # it was closed meanwhile
                continue
            if link.startswith("socket:["):
                # A socket that it was given by the environment of the tests may have a name.
                assert "maitred" not in named.get(link[8:-1], "")
            elif link.startswith("/memfd:maitred"):
                memories += 1
                status = descriptor.stat()
                assert status.st_uid == os.getuid()
                assert status.st_nlink == 0
                assert stat.S_ISREG(status.st_mode)
    assert memories >= len(pids)
    assert list(folder.iterdir()) == []


def test_hash_seeds_and_ids_of_requests_and_temporary_names_differ_in_every_worker(
    workers, tmp_path
):
    (tmp_path / "random_app.py").write_text(
        "import json, os, random, tempfile\n"
        "names = tempfile._RandomNameSequence()\n"
        "def app(environ, start_response):\n"
        "    about = {'pid': os.getpid(), 'hash': hash('x'), 'name': next(names),\n"
        "             'random': random.random(), 'id': environ['maitred.request_id']}\n"
        "    body = json.dumps(about).encode()\n"
        "    start_response('200 OK', [('Content-Length', str(len(body)))])\n"
        "    return [body]\n"
    )
    server = workers("--workers=4", "--request-id=generate", app="random_app:app")
    pids = server.until_ready(4).values()
    told = []
    for pid in pids:
        with server.connect_to(pid) as connection:
            connection.send(unmovable("/"))
            told.append(json.loads(connection.read().body))
    for kind in ("pid", "hash", "name", "random", "id"):
        assert len({it[kind] for it in told}) == 4, kind
