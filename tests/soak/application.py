"""The application of the soak. The path names what it does and who asked: `/stream/IDENTITY`.

Every answer carries the identity of its request, in a field and all through its body, so that an
answer that belongs to somebody else is seen.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import tempfile
import time
import zlib

ECHO_BYTES = 100
STREAM_BYTES = 50_000
STREAM_PIECE_BYTES = 1000
LARGE_BYTES = 3_000_000
FILE_BYTES = 300_000
ALL_OF_IT_BYTES = 1000
"""What a response that is cut short declares, and what one declares that goes on."""

# Keeps the GIL, as an extension module does that never releases it.
C_LIBRARY = ctypes.PyDLL(None)
C_CALL_MICROSECONDS = 100_000


class IntendedError(Exception):
    """What the application raises on purpose."""


def pattern(identity: str, size: int) -> bytes:
    """Return a body of that size which belongs to one request only."""
    unit = f"{identity} ".encode()
    return (unit * (size // len(unit) + 1))[:size]


def digest(identity: str, body: bytes) -> bytes:
    """Return what is answered to an upload."""
    return f"{identity} {len(body)} {zlib.crc32(body)}".encode()


class CloseFails:
    """A body whose `close()` raises, when everything has been sent."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def __iter__(self):
        return iter([self.body])

    def close(self) -> None:
        """Fail."""
        raise IntendedError("in close()")


def upload(environ, identity):
    """Answer how much has arrived, and its checksum."""
    body = environ["wsgi.input"].read()
    answer = digest(identity, body)
    return [answer], len(answer)


def stream(_, identity):
    """Answer in pieces, without a length."""
    body = pattern(identity, STREAM_BYTES)
    starts = range(0, STREAM_BYTES, STREAM_PIECE_BYTES)
    return (body[at : at + STREAM_PIECE_BYTES] for at in starts), None


def file(environ, identity):
    """Answer a file."""
    unnamed = tempfile.TemporaryFile()  # noqa: SIM115 (the server closes it)
    unnamed.write(pattern(identity, FILE_BYTES))
    unnamed.seek(0)
    return environ["wsgi.file_wrapper"](unnamed), FILE_BYTES


def echo(_, identity):
    """Answer at once."""
    return [pattern(identity, ECHO_BYTES)], ECHO_BYTES


def large(_, identity):
    """Answer more than the buffers of the kernel take."""
    return [pattern(identity, LARGE_BYTES)], LARGE_BYTES


def waits(environ, identity):
    """Answer after a wait, as for a database."""
    time.sleep(0.03)
    return echo(environ, identity)


def computes(environ, identity):
    """Answer after work under the GIL."""
    zlib.crc32(bytes(sum(n & 7 for n in range(50_000)) & 7))
    return echo(environ, identity)


def calls_c(environ, identity):
    """Answer after a call that does not release the GIL."""
    C_LIBRARY.usleep(C_CALL_MICROSECONDS)
    return echo(environ, identity)


def raises(_, identity):
    """Fail before there is a response."""
    raise IntendedError(identity)


def exits(_, identity):
    """Try to end the process, as a command-line program would."""
    sys.exit(f"as {identity} wants")


def fails_midway(_, identity):
    """Fail when half has been sent, so that a client must see that something is missing."""

    def pieces():
        yield pattern(identity, ALL_OF_IT_BYTES)
        raise IntendedError("midway")

    return pieces(), None


def promises_more(_, identity):
    """Answer less than it declares."""
    return [pattern(identity, ALL_OF_IT_BYTES // 2)], ALL_OF_IT_BYTES


def promises_less(_, identity):
    """Answer more than it declares."""
    return [pattern(identity, ALL_OF_IT_BYTES * 2)], ALL_OF_IT_BYTES


def close_fails(_, identity):
    """Answer, and fail when that is done."""
    return CloseFails(pattern(identity, ALL_OF_IT_BYTES)), ALL_OF_IT_BYTES


def crashes(_, identity):
    """End the process as a defect of an extension module would."""
    signal.raise_signal(signal.SIGSEGV)
    raise AssertionError(f"{identity} survives")


def ends_at_once(_, identity):
    """End the process without a word."""
    os._exit(len(identity))


def missing(environ, identity):
    """Answer that there is nothing."""
    return echo(environ, identity)


def no_content(_, __):
    """Answer without a body."""
    return [], None


STATUS = {missing: "404 Not Found", no_content: "204 No Content"}
WORDS = {
    function.__name__.replace("_", "-"): function
    for function in (
        echo, upload, stream, file, large, waits, computes, calls_c, missing, no_content, raises,
        exits, fails_midway, promises_more, promises_less, close_fails, crashes, ends_at_once,
    )
}  # fmt: skip


def app(environ, start_response):
    """Do what the path says."""
    _, word, identity = environ["PATH_INFO"].split("/")
    function = WORDS[word]
    body, length = function(environ, identity)
    fields = [
        ("Content-Type", "application/octet-stream"),
        ("X-Identity", identity),
        ("X-Pid", str(os.getpid())),
    ]
    if length is not None:
        fields.append(("Content-Length", str(length)))
    start_response(STATUS.get(function, "200 OK"), fields)
    return body
