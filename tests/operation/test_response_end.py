"""A request ends with its response, in whatever shape the application gave it.

Every shape of a response is tried against everything that waits for the end of one, on connections
that stay open: the client sends nothing more, so nothing but the end of the response can bring it
about.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from admin import Admin
from client import PATIENCE_SECONDS, Connection, Response, ResponseError
from shapes_app import SHAPES, body_of


@dataclass(frozen=True)
class Case:
    """One request, and what is true of its response."""

    shape: str
    status: int = 200
    method: str = "GET"
    version: str = "1.1"
    declared: bool = True

    @property
    def head(self) -> bytes:
        """The request."""
        target = f"/{self.status}/{self.shape}{'?declared' if self.declared else ''}"
        lines = [f"{self.method} {target} HTTP/{self.version}", "Host: test"]
        if self.version == "1.0":
            lines.append("Connection: keep-alive")
        return "\r\n".join([*lines, "", ""]).encode()

    def ask(self, connection: Connection) -> Response:
        """Ask once, and check the answer."""
        try:
            response = connection.ask(self.head, self.method)
        except (OSError, ResponseError) as error:
            raise AssertionError(f"{self}: {error}") from error
        has_body = self.method == "GET" and self.status == 200
        body = body_of(self.shape) if has_body else b""
        assert response.status == self.status, self
        assert response.body[: len(body)] == body, self
        return response


def cases() -> Iterator[Case]:
    """Every shape, with a length and without one, asked for in every way."""
    for shape in SHAPES:
        for declared in (True, False):
            for method in ("GET", "HEAD"):
                for version in ("1.1", "1.0"):
                    yield Case(shape, 200, method, version, declared)
        for status in (204, 304):
            yield Case(shape, status, declared=False)


CASES = list(cases())
HERE = Path(__file__).parent


def total(admin: Admin) -> float:
    """Return the requests that have been counted."""
    text = admin.ask("/metrics").body.decode()
    return sum(map(float, re.findall(r"^maitred_requests_total\{.*?\} (\S+)$", text, re.MULTILINE)))


def until(what: object, is_so) -> None:
    """Wait for a fact that comes about by itself."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, f"in vain: {what}"
        time.sleep(0.001)


def test_a_response_of_any_shape_is_counted_and_logged_before_anything_else_happens(
    maitred, tmp_path
):
    log = tmp_path / "access.log"
    server = maitred(
        "--admin-listen=127.0.0.1:0",
        f"--access-log={log}",
        "--access-log-format=json",
        "shapes_app:app",
        cwd=HERE,
    )
    admin = Admin(server)
    for count, case in enumerate(CASES, 1):
        with server.connect() as connection:
            response = case.ask(connection)
            until(f"the count of {case}", lambda count=count: total(admin) == count)
            admin.until("maitred_requests_in_progress", 0)
            until(f"the line of {case}", lambda count=count: log.read_text().count("\n") == count)
            idle = 1 if response.keeps_alive else 0
            admin.until('maitred_connections{state="idle"}', idle)
            for state in ("reading", "queued", "app", "writing"):
                admin.until(f'maitred_connections{{state="{state}"}}', 0)
        admin.until('maitred_connections{state="idle"}', 0)
        line = json.loads(log.read_text().splitlines()[-1])
        assert (line["status"], line["method"]) == (case.status, case.method), case
        assert line["bytes"] == len(response.body), case


def test_a_response_of_any_shape_may_be_followed_by_any_other_on_its_connection(maitred):
    server = maitred("shapes_app:app", cwd=HERE)
    connection = server.connect()
    for case in [*CASES, *reversed(CASES)]:
        if not case.ask(connection).keeps_alive:
            connection.read_end()
            connection.close()
            connection = server.connect()
    connection.close()


@pytest.mark.parametrize("threads", [1, 4])
def test_a_response_of_any_shape_holds_up_no_drain(maitred, threads):
    server = maitred(
        f"--threads={threads}",
        f"--connection-limit={len(CASES)}",
        "--graceful-timeout=1h",
        "--keep-alive-timeout=1h",
        "shapes_app:app",
        cwd=HERE,
    )
    clients: dict[Case, Connection] = {}
    for case in CASES:
        clients[case] = server.connect()
        case.ask(clients[case])
    server.signal()
    for case, connection in clients.items():
        try:
            connection.read_end()
        except TimeoutError as error:
            raise AssertionError(f"{case} holds up the drain") from error
    assert server.wait() == 0
    for connection in clients.values():
        connection.close()


def test_a_response_of_any_shape_leaves_a_connection_that_a_newcomer_replaces(maitred):
    server = maitred(
        "--connection-limit=1",
        "--keep-alive-timeout=1h",
        "--admin-listen=127.0.0.1:0",
        "shapes_app:app",
        cwd=HERE,
    )
    admin = Admin(server)
    before: tuple[Case, Connection] | None = None
    for case in CASES:
        connection = server.connect()
        response = case.ask(connection)
        if before is not None:
            assert before[1].read_rest() == b"", before[0]
            before[1].close()
        admin.until('maitred_connections{state="idle"}', 1 if response.keeps_alive else 0)
        admin.until("maitred_requests_in_progress", 0)
        before = case, connection
    before[1].close()
