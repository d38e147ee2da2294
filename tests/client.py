"""A strict HTTP/1.1 client over raw sockets, which can also misbehave.

It refuses every response that RFC 9112 does not allow, so that a test which reads one has
checked its framing too: CRLF and nothing else ends a line (§2.2), names are tokens with no
space before the colon (§5.1), lines are not folded (§5.2), a length and chunks exclude each
other (§6.2), 1xx and 204 have neither (RFC 9110 §8.6), and a chunk has exactly its size (§7.1).

Requests are bytes, written by the test or by `request`; nothing is corrected on the way.
"""

from __future__ import annotations

import re
import socket
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from types import TracebackType

Field = tuple[str, str]
Address = tuple[str, int] | str

LONGEST_LINE = 1 << 20
PATIENCE_SECONDS = 60
"""What no wait comes near but one that is in vain, however slow or crowded the machine."""

STATUS_LINE = re.compile(rb"(HTTP/1\.[01]) ([1-5][0-9][0-9]) ([\t -~\x80-\xff]*)")
FIELD_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t -~\x80-\xff]*?)[ \t]*")
CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,16}")


class ResponseError(Exception):
    """What the server sent is not a response that RFC 9112 allows."""


@dataclass(frozen=True)
class Response:
    """One final response, with the interim ones that came before it."""

    version: str
    status: int
    reason: str
    fields: tuple[Field, ...]
    body: bytes = b""
    framing: str = "none"  # "none", "length", "chunked" or "close"
    chunks: tuple[int, ...] = ()  # the size of each chunk but the last, which is empty
    trailers: tuple[Field, ...] = ()
    interim: tuple[Response, ...] = ()

    def all(self, name: str) -> list[str]:
        """Every value of the field, in the order in which they were sent."""
        return [value for own, value in self.fields if own.lower() == name.lower()]

    def __getitem__(self, name: str) -> str:
        """Return the only value of the field; `KeyError` when there is none or more than one."""
        values = self.all(name)
        if len(values) != 1:
            raise KeyError(f"{len(values)} fields named {name} in {self.fields}")
        return values[0]

    def __contains__(self, name: str) -> bool:
        return bool(self.all(name))

    @property
    def keeps_alive(self) -> bool:
        """Whether the server says that it takes a further request (RFC 9112 §9.3)."""
        options = {o.strip().lower() for value in self.all("Connection") for o in value.split(",")}
        if "close" in options or self.framing == "close":
            return False
        return self.version == "HTTP/1.1" or "keep-alive" in options


def request(
    target: str = "/",
    method: str = "GET",
    fields: Iterable[Field] = (),
    body: bytes = b"",
    host: str = "test",
) -> bytes:
    """Write a correct request, with Content-Length where there is a body."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in fields]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


class Connection:
    """One connection to `(host, port)`, or to the path of a Unix socket.

    `timeout` is the longest wait, in seconds, for a single receive or send; a test that gives its
    own has to show that something comes sooner than something else. `receive_buffer`,
    in bytes, makes the kernel stop taking bytes soon when the test stops reading.
    """

    def __init__(
        self,
        address: Address,
        timeout: float = PATIENCE_SECONDS,
        receive_buffer: int | None = None,
    ):
        if isinstance(address, str):
            family = socket.AF_UNIX
        else:
            family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            self.socket.connect(address)
        except OSError:
            self.socket.close()
            raise
        self._received = bytearray()

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # Sending.

    def send(self, data: bytes) -> None:
        """Send all of it."""
        self.socket.sendall(data)

    def drip(self, data: bytes, size: int = 1, pause: float = 0.001) -> None:
        """Send it in segments of `size` bytes, `pause` seconds apart, as a slow client would."""
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(data), size):
            self.socket.sendall(data[start : start + size])
            time.sleep(pause)

    def half_close(self) -> None:
        """Say that nothing more will be sent, and go on reading."""
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Close with a reset (RST) instead of an end (FIN)."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        """Close; what was not read is lost."""
        self.socket.close()

    # Receiving.

    def ask(self, data: bytes, method: str = "GET") -> Response:
        """Send a request and read its response."""
        self.send(data)
        return self.read(method)

    def read(self, method: str = "GET") -> Response:
        """Read one response, exactly to its end; `method` is that of its request."""
        interim: list[Response] = []
        while True:
            head = self.read_head()
            if not 100 <= head.status < 200 or head.status == 101:
                break
            if "Content-Length" in head or "Transfer-Encoding" in head:
                raise ResponseError(f"an interim response with a body: {head.fields}")
            interim.append(head)
        return self._with_body(head, method, tuple(interim))

    def read_head(self) -> Response:
        """Read a status line and its fields, and none of the body."""
        line = self._line()
        match = STATUS_LINE.fullmatch(line)
        if match is None:
            raise ResponseError(f"not a status line: {line[:80]!r}")
        version, status, reason = (part.decode("latin-1") for part in match.groups())
        return Response(version, int(status), reason, self._fields())

    def read_end(self) -> None:
        """Read the end of the connection; anything else is a `ResponseError`."""
        if rest := self.read_rest():
            raise ResponseError(f"{len(rest)} bytes where the connection should end: {rest[:80]!r}")

    def read_rest(self) -> bytes:
        """Read all that comes until the server ends its side."""
        while self._receive():
            pass
        rest, self._received = bytes(self._received), bytearray()
        return rest

    def is_silent(self, seconds: float = 0.2) -> bool:
        """Whether nothing, not even an end, comes within that time."""
        if self._received:
            return False
        before = self.socket.gettimeout()
        self.socket.settimeout(seconds)
        try:
            self.socket.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            return True
        else:
            return False
        finally:
            self.socket.settimeout(before)

    def _with_body(self, head: Response, method: str, interim: tuple[Response, ...]) -> Response:
        lengths, codings = head.all("Content-Length"), head.all("Transfer-Encoding")
        if lengths and codings:
            raise ResponseError(f"both a length and a transfer coding: {head.fields}")
        if head.status in (101, 204) and (lengths or codings):
            raise ResponseError(f"a body announced with status {head.status}: {head.fields}")
        if codings and (codings != ["chunked"] or head.version == "HTTP/1.0"):
            raise ResponseError(f"transfer coding {codings} in {head.version}")
        if lengths and (len(lengths) > 1 or not re.fullmatch("[0-9]+", lengths[0])):
            raise ResponseError(f"a length that is not one number: {lengths}")
        if method == "HEAD" or head.status in (101, 204, 304):
            return replace(head, interim=interim)
        if codings:
            body, sizes, trailers = self._chunked()
            return replace(
                head, body=body, framing="chunked", chunks=sizes, trailers=trailers, interim=interim
            )
        if lengths:
            body, framing = self._exactly(int(lengths[0])), "length"
        else:
            body, framing = self.read_rest(), "close"
        return replace(head, body=body, framing=framing, interim=interim)

    def _chunked(self) -> tuple[bytes, tuple[int, ...], tuple[Field, ...]]:
        parts: list[bytes] = []
        while True:
            line = self._line()
            if CHUNK_SIZE.fullmatch(line) is None:
                raise ResponseError(f"not a chunk size: {line[:80]!r}")
            if not (size := int(line, 16)):
                return b"".join(parts), tuple(map(len, parts)), self._fields()
            parts.append(self._exactly(size))
            if end := self._line():
                raise ResponseError(f"a chunk of {size} bytes goes on: {end[:80]!r}")

    def _fields(self) -> tuple[Field, ...]:
        fields = []
        while line := self._line():
            match = FIELD_LINE.fullmatch(line)
            if match is None:
                raise ResponseError(f"not a field line: {line[:80]!r}")
            fields.append((match[1].decode("latin-1"), match[2].decode("latin-1")))
        return tuple(fields)

    def _line(self) -> bytes:
        """Take the next line, without its CRLF."""
        scanned = 0
        while (end := self._received.find(b"\n", scanned)) < 0:
            scanned = len(self._received)
            if scanned > LONGEST_LINE:
                raise ResponseError(f"a line of more than {LONGEST_LINE} bytes")
            if not self._receive():
                raise ResponseError(
                    f"the connection ended within a line: {bytes(self._received)!r}"
                )
        line = bytes(self._received[: end + 1])
        del self._received[: end + 1]
        if not line.endswith(b"\r\n"):
            raise ResponseError(f"a line that ends in a bare LF: {line[:80]!r}")
        if b"\r" in (line := line[:-2]):
            raise ResponseError(f"a bare CR within a line: {line[:80]!r}")
        return line

    def _exactly(self, size: int) -> bytes:
        while len(self._received) < size:
            if not self._receive():
                raise ResponseError(f"the body ended after {len(self._received)} of {size} bytes")
        data = bytes(self._received[:size])
        del self._received[:size]
        return data

    def _receive(self) -> bool:
        """Receive once; false at the end of the connection."""
        data = self.socket.recv(1 << 18)
        self._received += data
        return bool(data)
