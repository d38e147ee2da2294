"""Clients that take their time, against one thread and a short timeout.

Each is cut off, and meanwhile others are served: with a single thread that is the proof that
nobody slow holds one. No test looks at a clock: the timeouts that the server has by default are
longer than any of these clients waits, and only those that a test is about are short, so that no
client is late because the machine is slow.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from client import PATIENCE_SECONDS, Connection, request
from server import Server
from slow_app import PIECE, PIECES

HERE = Path(__file__).resolve().parent
DRIP_SECONDS = 0.05
HEAD = b"POST / HTTP/1.1\r\nHost: test\r\n"


@pytest.fixture
def serve(maitred) -> Callable[..., Server]:
    """Serve with one thread and these timeouts."""

    def start(*timeouts: str) -> Server:
        return maitred("slow_app:application", "--threads=1", *timeouts, cwd=HERE)

    return start


class Leisurely(Connection):
    """It pauses before each of its first receives, altogether for 5 seconds."""

    pauses = 100

    def _receive(self) -> bool:
        if self.pauses:
            self.pauses -= 1
            time.sleep(DRIP_SECONDS)
        return super()._receive()


def serves(server: Server) -> bool:
    """Whether another client gets its answer."""
    with server.connect() as other:
        return other.ask(request("/")).body == b"0"


def drip(connection: Connection, first: bytes, unit: bytes) -> None:
    """Send `first`, then `unit` again and again until something comes back."""
    connection.send(first)
    for _ in range(int(PATIENCE_SECONDS / DRIP_SECONDS)):
        if not connection.is_silent(DRIP_SECONDS):
            return
        connection.send(unit)
    raise AssertionError("the server lets itself be dripped at for ever")


@pytest.mark.parametrize(
    ("first", "unit"),
    [
        pytest.param(b"GET /", b"x", id="target"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: test\r\n", b"A: b\r\n", id="fields"),
        pytest.param(HEAD + b"Content-Length: 100000\r\n\r\n", b"x", id="body"),
        pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", id="chunks"),
        pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;", b"x", id="extension"),
        pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"A: b\r\n", id="trailer"),
    ],
)
def test_a_client_that_drips_is_told_to_be_late_and_holds_no_thread(serve, first, unit) -> None:
    """However regularly the drops come, they do not come in time."""
    server = serve("--header-timeout=500ms", "--body-timeout=500ms")
    with server.connect() as slow:
        slow.send(first)
        assert serves(server)
        drip(slow, b"", unit)
        late = slow.read()
        assert late.status == 408
        assert not late.keeps_alive


@pytest.mark.parametrize("sent", [b"", request("/")], ids=["nothing", "one request"])
def test_a_client_that_says_nothing_more_is_closed_on_in_silence(serve, sent) -> None:
    """Before the first request and after it."""
    server = serve("--keep-alive-timeout=1s")
    with server.connect() as idle:
        if sent:
            assert idle.ask(sent).status == 200
        idle.read_end()


@pytest.mark.parametrize("target", ["/pieces", "/bytes"])
def test_a_client_that_does_not_read_is_cut_off_and_frees_the_thread(serve, target) -> None:
    """What it then finds on its side does not look like the whole."""
    server = serve("--write-timeout=500ms")
    with server.connect(receive_buffer=4096) as slow:
        slow.send(request(target))
        assert serves(server)
        assert slow.read_head().status == 200
        wait_for_a_reset(slow)
        with pytest.raises(ConnectionResetError):
            slow.read_rest()
    assert serves(server)


@pytest.mark.parametrize("target", ["/pieces", "/bytes"])
def test_a_client_that_reads_slowly_but_steadily_gets_everything(serve, target) -> None:
    """Progress is what counts, not how long all of it takes."""
    server = serve("--write-timeout=3s")
    with Leisurely(server.address, receive_buffer=1 << 16) as slow:
        assert slow.ask(request(target)).body == PIECE * PIECES
    assert serves(server)


def test_a_client_that_half_closes_is_answered(serve) -> None:
    """It has said that it will send no more, not that it has gone."""
    server = serve()
    with server.connect() as client:
        client.send(request("/", "POST", body=b"four") + request("/", "POST", body=b"eleven more"))
        client.half_close()
        assert [client.read().body for _ in range(2)] == [b"4", b"11"]
        client.read_end()


def test_a_request_that_a_half_close_cuts_short_is_refused(serve) -> None:
    """It never reaches the application, which would answer 200."""
    server = serve()
    with server.connect() as client:
        client.send(HEAD + b"Content-Length: 10\r\n\r\nfour")
        client.half_close()
        assert client.read().status == 400
        client.read_end()


def test_a_refusal_reaches_a_client_that_sends_on_for_ten_megabytes(maitred) -> None:
    """What it still sends is read and dropped, so that no reset takes the answer away."""
    server = maitred("slow_app:application", "--max-request-body-size=1000", cwd=HERE)
    with server.connect() as client:
        client.send(HEAD + b"Content-Length: 10000000\r\n\r\n")
        client.send(b"x" * 10_000_000)
        assert client.read().status == 413
        client.half_close()
        client.read_end()


def wait_for_a_reset(connection: Connection) -> None:
    """Wait until the connection is broken, without reading what came before that."""
    poll = select.poll()
    poll.register(connection.socket, 0)
    assert poll.poll(PATIENCE_SECONDS * 1000), "the server lets itself be held for ever"
