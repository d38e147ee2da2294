"""Every vector against the installed server, over TCP and, where there are any, a Unix socket.

A vector has a connection of its own. Where that stays open, a further request on it proves that
both sides agree where the last one ended; where it does not, nothing may come behind the answers.
At the end the application says which calls it had: a smuggled one counts even if its answer was
lost.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from client import Response, ResponseError, request
from server import Server, command
from vectors import Served, Vector, read_all
from wire import Wire

HERE = Path(__file__).resolve().parent
VECTORS = read_all()
PROBE = request("/probe")
TRANSPORTS = ["tcp", "unix"] if hasattr(socket, "AF_UNIX") else ["tcp"]


@pytest.fixture(scope="module", params=TRANSPORTS)
def address(request, tmp_path_factory) -> Iterator[tuple[str, int] | str]:
    """Serve the application that remembers its calls, one after the other."""
    path = tmp_path_factory.mktemp("socket") / "http.sock"
    where = "--listen=127.0.0.1:0" if request.param == "tcp" else f"--unix-socket={path}"
    server = Server(command(where, "--threads=1", "echo:application"), cwd=HERE)
    try:
        server.wait_for("serving on ")
        yield server.address if request.param == "tcp" else str(path)
    finally:
        server.close()


@pytest.mark.parametrize("vector", VECTORS, ids=[vector.name for vector in VECTORS])
def test_a_vector_holds(vector: Vector, address) -> None:
    calls_seen(address)  # what an earlier failure left behind
    expected = [call_of(served) for served in vector.served]
    with Wire(address) as wire:
        converse(vector, wire)
        if vector.ends_open:
            answer = wire.ask(PROBE)
            assert answer.status == 200
            assert answer["X-Seen"] == "GET /probe"
            expected.append("GET /probe")
        else:
            wire.read_end()
    assert calls_seen(address) == expected


def converse(vector: Vector, wire: Wire) -> None:
    """Send the vector, and judge the answers."""
    interim: list[int] = []
    segments = vector.segments
    if vector.bytewise:
        segments = [bytes([byte]) for byte in b"".join(segments)]
    if vector.awaits_continue:
        wire.give(segments[:1])
        interim.append(wire.read_head().status)
        segments = segments[1:]
    wire.give(segments)
    if vector.half_close:
        wire.half_close()
    for served in vector.served:
        if ("truncated", "") in served.answer:
            head = wire.read_head()
            judge_head(served, head)
            with pytest.raises(ResponseError):
                wire.read_body(head, served.method)
            wire.read_rest()
            return
        answer = wire.read(served.method)
        interim += [response.status for response in answer.interim]
        judge(served, answer)
    if vector.refused is not None:
        refusal = wire.read(vector.refused_method)
        interim += [response.status for response in refusal.interim]
        assert refusal.status == vector.refused
        assert "X-Seen" not in refusal
        assert "Date" in refusal
        assert not refusal.keeps_alive
    if vector.interim is not None:
        assert interim == vector.interim


def judge(served: Served, answer: Response) -> None:
    """Judge the application's answer, and what it says that it saw."""
    judge_head(served, answer)
    for what, value in served.answer:
        if what == "body":
            assert answer.body == value.encode("ascii")
    if answer.status != 200 or not answer.body.startswith(b'{"environ"'):
        return
    told = json.loads(answer.body)
    environ = told["environ"]
    assert environ["REQUEST_METHOD"] == served.method
    assert environ["PATH_INFO"] == text(served.path)
    assert environ["QUERY_STRING"] == text(served.query)
    assert environ["SCRIPT_NAME"] == ""
    assert told["body"] == text(served.body)
    for name, value in served.environ.items():
        assert environ.get(name) == (None if value is None else text(value)), name


def judge_head(served: Served, answer: Response) -> None:
    """Judge what is said about the head of the answer."""
    told = dict(served.answer)
    assert answer.status == int(told.get("status", 200))
    if answer.status == 500:
        assert "X-Seen" not in answer
    else:
        assert unquote(answer["X-Seen"], "latin-1") == unquote(call_of(served), "latin-1")
    for what, value in served.answer:
        if what == "present":
            assert value in answer
        elif what == "absent":
            assert value not in answer
        elif what == "connection":
            options = ",".join(answer.all("Connection")).lower().split(",")
            assert value in [option.strip() for option in options]


def call_of(served: Served) -> str:
    """Write a call as the application remembers it."""
    return f"{served.method} {quote(served.path, safe='/*:@')}"[:300].rstrip()


def calls_seen(address: tuple[str, int] | str) -> list[str]:
    """Ask the application which calls it had since the last time."""
    with Wire(address) as wire:
        return json.loads(wire.ask(request("/_app/seen")).body)


def text(value: bytes) -> str:
    """Write bytes as the application sees them."""
    return value.decode("latin-1")
