"""Tests of the logs of several worker processes, which write to the same outputs."""

from __future__ import annotations

import json
import re
import signal
import threading

import pytest
from client import request
from observing import until

LENGTH = 20_000
"""More than a pipe takes in one piece."""

LINE = "=" * LENGTH

LOUD = f"""
def app(environ, start_response):
    environ["wsgi.errors"].write("=" * {LENGTH} + "\\n")
    start_response("200 OK", [("Content-Length", "0")])
    return []
"""


def test_no_line_of_one_worker_is_torn_by_another(workers, tmp_path):
    (tmp_path / "loud.py").write_text(LOUD)
    server = workers("--workers=3", "--access-log=-", "--access-log-format=json", app="loud:app")
    server.until_ready(3)
    rounds = 40

    def ask(letter: str) -> None:
        with server.server.connect() as connection:
            for _ in range(rounds):
                assert connection.ask(request("/" + letter * LENGTH)).status == 200

    clients = [threading.Thread(target=ask, args=(letter,)) for letter in "abcdef"]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    # What is left at the end of the server is written within a limit.
    requests = rounds * len(clients)
    until(lambda: server.server.output.count("\n") == requests, "every request is logged")
    until(lambda: server.server.log.count(LINE) >= requests, "every line is written")
    assert server.server.stop() == 0
    lines = [json.loads(line) for line in server.server.output.splitlines()]
    assert {len(line["target"]) for line in lines} == {LENGTH + 1}
    assert all(len(set(line["target"])) == 2 for line in lines)
    assert len(re.findall(rf"^{LINE}$", server.server.log, re.M)) == requests


def test_one_signal_to_the_supervisor_makes_every_worker_open_its_log_anew(workers, tmp_path):
    log, moved = tmp_path / "access.log", tmp_path / "access.log.1"
    server = workers("--workers=2", f"--access-log={log}", "--access-log-format=%(w)s %(p)s %(U)s")
    pids = server.until_ready(2)
    connections = [server.connect_to(pid) for pid in pids.values()]
    log.rename(moved)
    server.server.signal(signal.SIGUSR1)
    until(log.exists, "the log is opened anew")

    def have_all_logged() -> bool:
        for connection in connections:
            connection.ask(request("/after"))
        lines = log.read_text().splitlines()
        return {f"{number} <{pid}> /after" for number, pid in pids.items()} <= set(lines)

    until(have_all_logged, "both workers write to the new file")
    left = moved.read_text()
    for connection in connections:
        connection.ask(request("/later"))
    until(lambda: log.read_text().count("/later\n") == 2, "both are written")
    for connection in connections:
        connection.close()
    assert moved.read_text() == left, "nobody writes to the old file any more"


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_line_says_which_worker_wrote_it(workers, tmp_path, log_format):
    (tmp_path / "raises.py").write_text("def app(environ, start_response):\n    raise OSError\n")
    server = workers("--workers=2", f"--log-format={log_format}", app="raises:app")
    pids = server.until_ready(2)
    with server.server.connect() as connection:
        assert connection.ask(request("/")).status == 500
    number = '"worker":(?P<number>\\d)' if log_format == "json" else "worker=(?P<number>\\d)"
    found = server.server.wait_for(f".*OSError.*{number}.*")
    pid = pids[int(found["number"])]
    assert re.search(f'"pid":{pid}|pid={pid}', found[0])
