"""Checks a server's responses. A server with wrong responses is not loaded."""

from __future__ import annotations

import time
from statistics import median

from client import Connection, Response, ResponseError, request

from gauge.running import CellError, Running
from gauge.scenarios import Scenario

TIMEOUT_SECONDS = 10
ALONE_REQUESTS = 5


class AnswerError(Exception):
    """The server's response is not that of the application."""


def bytes_of_request(scenario: Scenario, port: int, path: str | None = None) -> bytes:
    """The scenario's request, as wrk sends it."""
    host = f"127.0.0.1:{port}"
    return request(path or scenario.path, scenario.method, scenario.fields, scenario.body, host)


def expect(response: Response, body: bytes) -> None:
    """Raise `AnswerError` unless this is a 200 with exactly that body."""
    if response.status != 200:
        raise AnswerError(f"status {response.status}")
    if response.body != body:
        raise AnswerError(f"a body of {len(response.body)} bytes: {response.body[:40]!r}")


def wait_for_first(running: Running, scenario: Scenario) -> None:
    """Wait until the application behind the socket answers 200."""
    deadline = time.monotonic() + running.patience
    data, last = bytes_of_request(scenario, running.port), "no answer"
    while time.monotonic() < deadline:
        if running.process.poll() is not None:
            raise CellError(f"ended with {running.process.returncode}: {running.log_end()}")
        try:
            with Connection(("127.0.0.1", running.port), TIMEOUT_SECONDS) as connection:
                last = f"status {connection.ask(data).status}"
            if last == "status 200":
                return
        except (OSError, ResponseError) as e:
            last = f"{type(e).__name__}: {e}"
        time.sleep(0.05)
    raise CellError(f"no answer in {running.patience} s ({last}): {running.log_end()}")


def check(port: int, scenario: Scenario) -> dict[str, object]:
    """Ask on one connection as long as it lives; say how the answers were framed and timed.

    `alone_ms` is the median time of an answer with nothing else going on. It shows the 40 ms in
    which Nagle's algorithm and a delayed acknowledgement wait for each other, which a loaded
    server hides.
    """
    if scenario.pipeline > 1:
        return _check_pipeline(port, scenario)
    data, times, reused = bytes_of_request(scenario, port), [], 0
    connection = Connection(("127.0.0.1", port), TIMEOUT_SECONDS)
    try:
        for _ in range(ALONE_REQUESTS):
            started = time.perf_counter()
            response = connection.ask(data)
            times.append(time.perf_counter() - started)
            expect(response, scenario.expect)
            if response.keeps_alive and not scenario.closing:
                reused += 1
            else:
                connection.close()
                connection = Connection(("127.0.0.1", port), TIMEOUT_SECONDS)
    finally:
        connection.close()
    return {
        "framing": response.framing,
        "keeps_alive": reused == ALONE_REQUESTS,
        "fields": [name for name, _ in response.fields],
        "alone_ms": median(times) * 1000,
    }


def _check_pipeline(port: int, scenario: Scenario) -> dict[str, object]:
    """Check that pipelined requests are answered in order (RFC 9112 §9.3.2)."""
    paths = [f"/p{i:02d}" for i in range(1, scenario.pipeline + 1)]
    with Connection(("127.0.0.1", port), TIMEOUT_SECONDS) as connection:
        connection.send(b"".join(bytes_of_request(scenario, port, path) for path in paths))
        for number, path in enumerate(paths, 1):
            try:
                expect(connection.read(), path.encode())
            except (OSError, ResponseError, AnswerError) as e:
                raise AnswerError(f"pipelined answer {number} of {len(paths)}: {e}") from e
    return {"framing": "length", "keeps_alive": True}
