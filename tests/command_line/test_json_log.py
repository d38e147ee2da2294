"""Tests of `--log-format=json`: every line of standard error is one JSON object."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import requests
from client import Connection, request
from server import Server, command

JSON = "--log-format=json"
LISTEN = "--listen=127.0.0.1:0"

APP = """
import atexit, logging, os, signal, sys, threading, traceback, warnings


def fail():
    raise ValueError("in a thread")


class Bad:
    def __del__(self):
        raise ValueError("in a finalizer")


def app(environ, start_response):
    path, errors = environ["PATH_INFO"], environ["wsgi.errors"]
    if path == "/raise":
        raise RuntimeError("two\\nlines")
    elif path == "/print":
        print("a line\\tof its own", file=errors)
        print("and", "another", file=sys.stderr)
        sys.stderr.write("unfinished")
        try:
            raise KeyError("printed")
        except KeyError:
            traceback.print_exc()
            traceback.print_exc(file=errors)
    elif path == "/logging":
        logging.getLogger("shop").info("not asked for")
        logging.getLogger("shop").warning("low stock of %s", "tea", extra={"left": 3})
        try:
            raise KeyError("logged")
        except KeyError:
            logging.getLogger("shop.orders").exception("an order failed")
    elif path == "/python":
        warnings.warn("careful")
        thread = threading.Thread(target=fail, name="helper")
        thread.start()
        thread.join()
        Bad()
    elif path == "/object":
        print('{"event": "paid", "order": 7}', file=sys.stderr)
    elif path == "/stuck":
        threading.Event().wait()
    elif path == "/crash":
        os.abort()
    start_response("503 Busy" if path == "/503" else "200 OK", [("Content-Length", "0")])
    return [b""]
"""


class Stage:
    """A folder with an application, and what is done with it."""

    def __init__(self, folder: Path) -> None:
        """Write the application."""
        self.folder = folder
        (folder / "shop.py").write_text(APP)

    def ends(self, *arguments: str, modules: dict[str, str] | None = None) -> str:
        """Return what a program writes that ends by itself."""
        for name, text in (modules or {}).items():
            (self.folder / f"{name}.py").write_text(text)
        ended = subprocess.run(
            command(*arguments), cwd=self.folder, capture_output=True, timeout=60, check=False
        )
        assert ended.returncode in (1, 2)
        assert ended.stdout == b""
        return ended.stderr.decode()

    @contextmanager
    def serves(self, *arguments: str, app: str = "shop:app") -> Iterator[Server]:
        """Serve until the block ends, then until the server has ended."""
        with closing(Server(command(LISTEN, *arguments, app), self.folder)) as server:
            server.wait_for("serving on ")
            yield server
            server.stop()

    def answers(self, *paths: str, arguments: tuple[str, ...] = (JSON,)) -> str:
        """Return what a server writes that is asked for these paths."""
        with self.serves(*arguments) as server:
            for path in paths:
                requests.get(server.url + path, timeout=60)
        return server.log


def address_in_use(stage: Stage) -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        return stage.ends(JSON, f"--listen=127.0.0.1:{taken.getsockname()[1]}", "shop:app")


def interrupted_twice(stage: Stage) -> str:
    def wait() -> None:
        with pytest.raises(requests.RequestException):
            requests.get(server.url + "/stuck", timeout=60)

    with stage.serves(JSON) as server:
        waiting = threading.Thread(target=wait)
        waiting.start()
        server.insist(signal.SIGINT)
        waiting.join()
    return server.log


def killed(stage: Stage) -> str:
    with stage.serves(JSON) as server:
        with pytest.raises(requests.ConnectionError):
            requests.get(server.url + "/crash", timeout=60)
        assert server.wait() == -signal.SIGABRT
    return server.log


def crashing_worker(stage: Stage) -> str:
    with stage.serves(JSON, "--workers=2") as server:
        with pytest.raises(requests.ConnectionError):
            requests.get(server.url + "/crash", timeout=60)
        server.wait_for("SIGABRT")
        requests.get(server.url + "/raise", timeout=60)
        requests.get(server.url + "/print", timeout=60)
    return server.log


FAILING = {
    "raising": "raise RuntimeError('at import')",
    "exiting": "import sys\nsys.exit('no more')",
    "talking": """
import atexit, sys
atexit.register(lambda: 1 / 0)
print('at import', file=sys.stderr)
""",
}

KINDS: dict[str, tuple[Callable[[Stage], str], list[str]]] = {
    "a setting is wrong": (
        lambda stage: stage.ends(JSON, "--threads=many", "--max-request=1", "shop:app"),
        ["`threads` must be", "max-request"],
    ),
    "the module is missing": (
        lambda stage: stage.ends(JSON, LISTEN, "shopp:app"),
        ["there is no module `shopp`"],
    ),
    "the import raises": (
        lambda stage: stage.ends(JSON, LISTEN, "raising:app", modules=FAILING),
        ["importing `raising` raised RuntimeError"],
    ),
    "the import exits": (
        lambda stage: stage.ends(JSON, LISTEN, "exiting:app", modules=FAILING),
        ["importing `exiting` raised SystemExit"],
    ),
    "the module prints and has no application": (
        lambda stage: stage.ends(JSON, LISTEN, "talking:app", modules=FAILING),
        ["at import", "has no attribute `app`", "Exception ignored in atexit callback"],
    ),
    "the address is in use": (address_in_use, ["address already in use"]),
    "the application raises": (
        lambda stage: stage.answers("/raise"),
        ["the application raised an exception when it was called"],
    ),
    "the application prints": (
        lambda stage: stage.answers("/print"),
        ["a line\tof its own", "and another", "KeyError: 'printed'"],
    ),
    "the application logs": (
        lambda stage: stage.answers("/logging"),
        ["low stock of tea", "an order failed"],
    ),
    "Python warns": (
        lambda stage: stage.answers("/python"),
        ["UserWarning: careful", "an exception has ended the thread helper", "Bad.__del__"],
    ),
    "a response is a server error": (
        lambda stage: stage.answers("/503"),
        ["a request was answered with a server error"],
    ),
    "it is terminated": (lambda stage: stage.answers("/"), ["SIGTERM received", "stopped"]),
    "it is interrupted twice": (interrupted_twice, ["SIGINT received"]),
    "a fatal signal kills it": (killed, ["serving on"]),
    "a worker crashes": (crashing_worker, ["serving on", "a line\tof its own"]),
    "no worker can start": (
        lambda stage: stage.ends(JSON, LISTEN, "--workers=2", "raising:app", modules=FAILING),
        ["importing `raising` raised RuntimeError"],
    ),
}
"""How a server starts, fails and stops, and what its log has to say then."""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals and workers of Unix")


@pytest.mark.parametrize("kind", KINDS)
def test_every_line_is_an_object_however_the_server_starts_fails_and_stops(tmp_path, kind):
    act, expected = KINDS[kind]
    lines = act(Stage(tmp_path)).splitlines()
    records = [json.loads(line) for line in lines]
    assert records
    for record in records:
        assert {"time", "level", "logger", "message", "thread"} <= set(record), record
    for text in expected:
        said = [record for record in records if text in record["message"]]
        assert said, (text, records)


def records(log: str, text: str) -> list[dict]:
    """Return the records whose message has the text."""
    return [r for r in map(json.loads, log.splitlines()) if text in r["message"]]


def test_an_exception_is_one_record_with_its_traceback(tmp_path):
    log = Stage(tmp_path).answers("/raise", "/print", "/logging")
    (raised,) = records(log, "the application raised")
    assert (raised["level"], raised["logger"]) == ("error", "maitred.application")
    assert (raised["exception"], raised["path"]) == ("RuntimeError", "/raise")
    assert raised["traceback"].endswith("RuntimeError: two\nlines\n")
    printed = records(log, "KeyError: 'printed'")
    assert [record["logger"] for record in printed] == ["maitred.errors"] * 2
    for record in printed:
        assert record["message"].endswith("KeyError: 'printed'")
        assert "Traceback (most recent call last):\n  File " in record["message"]
    (logged,) = records(log, "an order failed")
    assert (logged["level"], logged["logger"]) == ("error", "shop.orders")
    assert logged["exception"] == "KeyError"
    assert logged["traceback"].endswith("KeyError: 'logged'\n")


def test_a_record_of_logging_keeps_its_level_its_logger_and_what_was_added(tmp_path):
    log = Stage(tmp_path).answers("/logging")
    (record,) = records(log, "low stock of tea")
    assert (record["level"], record["logger"], record["left"]) == ("warning", "shop", 3)
    assert record["thread"].startswith("maitred-")
    assert not records(log, "not asked for"), "the level of the root logger is WARNING"


def test_an_object_that_the_application_writes_is_a_record_already(tmp_path):
    log = Stage(tmp_path).answers("/object")
    assert '\n{"event": "paid", "order": 7}\n' in log


def test_an_import_that_fails_is_a_record_with_the_traceback(tmp_path):
    log = Stage(tmp_path).ends(JSON, LISTEN, "raising:app", modules=FAILING)
    (record,) = records(log, "importing `raising`")
    assert (record["level"], record["exception"]) == ("error", "RuntimeError")
    assert record["traceback"].startswith("Traceback (most recent call last):\n")
    assert record["traceback"].endswith("RuntimeError: at import\n")


def test_a_wrong_setting_is_a_record_with_its_place_and_what_is_right(tmp_path):
    (tmp_path / "maitred.toml").write_text('log-format = "json"\nthreads = "many"\nthredas = 4\n')
    log = Stage(tmp_path).ends("shop:app")
    threads, misspelt = map(json.loads, log.splitlines())
    assert threads["origin"] == "maitred.toml:2:11"
    assert misspelt["help"] == "did you mean `threads`?"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("google", {"severity": "ERROR", "logger": "maitred.application", "method": "GET"}),
        (
            "ecs",
            {
                "log.level": "error",
                "log.logger": "maitred.application",
                "http.request.method": "GET",
                "url.path": "/raise",
                "error.type": "RuntimeError",
            },
        ),
    ],
)
def test_fields_have_the_names_that_are_asked_for_in_both_logs(tmp_path, names, expected):
    fields = (f"--log-fields={names}", "--access-log=access.log", "--access-log-format=json")
    stage = Stage(tmp_path)
    log = stage.answers("/raise?token=1", arguments=(JSON, *fields))
    (record,) = records(log, "the application raised")
    assert expected.items() <= record.items()
    trace = "stack_trace" if names == "google" else "error.stack_trace"
    assert record[trace].startswith("Traceback")
    (line,) = map(json.loads, (tmp_path / "access.log").read_text().splitlines())
    if names == "google":
        asked = line["httpRequest"]
        assert asked["requestUrl"] == "/raise?token=1"
        assert asked["status"] == 500
        assert asked["latency"].endswith("s")
        assert float(asked["latency"][:-1]) > 0
        assert asked["responseSize"].isdigit()
    else:
        assert line["url.original"] == "/raise?token=1"
        assert line["http.response.status_code"] == 500
        assert line["message"] == "GET /raise?token=1 500"
        assert isinstance(line["event.duration"], int)


def test_the_level_decides_what_is_said(program, tmp_path):
    Stage(tmp_path)
    path = f"{tmp_path}/s"
    server = program("--log-level=error", f"--listen=unix:{path}", "shop:app", cwd=tmp_path)
    with connected(path, server) as connection:
        assert connection.ask(request("/raise")).status == 500
    assert server.stop() == 0
    assert "ERROR" in server.log
    assert "INFO" not in server.log


def connected(path: str, server: Server) -> Connection:
    """Connect as soon as somebody listens."""
    while True:
        try:
            return Connection(path)
        except (FileNotFoundError, ConnectionRefusedError):
            assert server.process.poll() is None, server.log
