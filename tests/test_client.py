"""Tests of the tests' client: it accepts valid responses, and rejects invalid ones."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest
from client import PATIENCE_SECONDS, Connection, Response, ResponseError, request

Answer = Callable[[bytes], Connection]


@pytest.fixture
def answered() -> Iterator[Answer]:
    """Return a connection on which these bytes, and then the end, have come."""
    opened: list[Connection] = []

    def connect(data: bytes) -> Connection:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            connection = Connection(listener.getsockname())
            opened.append(connection)
            peer, _ = listener.accept()
            with peer:
                peer.sendall(data)
        return connection

    yield connect
    for connection in opened:
        connection.close()


def read(connection: Connection, method: str = "GET") -> Response:
    response = connection.read(method)
    connection.read_end()
    return response


@pytest.mark.parametrize(
    ("data", "body", "framing"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", b"abc", "length"),
        (b"HTTP/1.1 200 \r\nX: \r\n\r\nabc", b"abc", "close"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", "none"),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", b"", "none"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
            b"abc",
            "chunked",
        ),
    ],
)
def test_every_framing_is_read_exactly_to_its_end(answered, data, body, framing):
    response = read(answered(data))
    assert (response.body, response.framing) == (body, framing)


def test_a_response_to_head_has_no_body_whatever_it_announces(answered):
    data = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"
    assert read(answered(data), "HEAD")["content-length"] == "3"


def test_chunks_and_trailers_are_told_apart(answered):
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    response = read(answered(head + b"A\r\n0123456789\r\n1\r\nx\r\n0\r\nDigest: 1\r\n\r\n"))
    assert response.chunks == (10, 1)
    assert response.trailers == (("Digest", "1"),)


def test_interim_responses_come_with_the_final_one(answered):
    data = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    response = read(answered(data))
    assert (response.status, [interim.status for interim in response.interim]) == (200, [100])


def test_pipelined_responses_are_read_one_by_one(answered):
    one = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n"
    connection = answered(one + b"a" + one + b"b")
    assert [connection.read().body for _ in range(2)] == [b"a", b"b"]
    connection.read_end()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HTTP/1.1 200\r\n\r\n",
        b"HTTP/1.1 2OO OK\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        b"HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: \0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
    ],
)
def test_what_rfc_9112_does_not_allow_is_refused(answered, data):
    connection = answered(data)
    with pytest.raises(ResponseError):
        read(connection)


@pytest.mark.parametrize(
    ("head", "keeps"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: x, Close\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n", True),
    ],
)
def test_keeping_alive_is_what_the_server_said(answered, head, keeps):
    assert answered(head).read().keeps_alive is keeps


def test_a_field_that_is_there_twice_is_not_one_value(answered):
    response = answered(b"HTTP/1.1 204 No Content\r\nA: 1\r\na: 2\r\n\r\n").read()
    assert response.all("A") == ["1", "2"]
    with pytest.raises(KeyError):
        response["A"]


@pytest.fixture
def pair() -> Iterator[tuple[Connection, socket.socket]]:
    """Return a connection and its other side."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connection = Connection(listener.getsockname())
        peer, _ = listener.accept()
    peer.settimeout(PATIENCE_SECONDS)
    with connection, peer:
        yield connection, peer


def test_dripped_bytes_arrive_whole_and_a_half_closed_connection_still_reads(pair):
    connection, peer = pair
    connection.drip(b"GET", size=2)
    connection.half_close()
    assert peer.makefile("rb").read() == b"GET"
    assert connection.is_silent(0.01)
    peer.sendall(b"late")
    assert not connection.is_silent(PATIENCE_SECONDS)
    peer.close()
    assert connection.read_rest() == b"late"


def test_a_reset_is_no_orderly_end(pair):
    connection, peer = pair
    connection.reset()
    with pytest.raises(ConnectionResetError):
        peer.recv(1)


def test_a_request_says_its_host_and_its_length():
    assert request("/a?b", "PUT", [("X", "1")], b"xyz") == (
        b"PUT /a?b HTTP/1.1\r\nHost: test\r\nX: 1\r\nContent-Length: 3\r\n\r\nxyz"
    )
