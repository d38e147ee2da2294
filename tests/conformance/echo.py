"""The application behind the vectors: it answers with what it sees, and remembers its calls.

Every path answers 200 with `X-Seen: METHOD /path`, percent-encoded, and a JSON object
``{"environ": {name: text}, "body": text}`` in which a byte is a latin-1 character. These differ:

====================  ==============================================================
``/_app/seen``        the calls since the last time it was asked, as a JSON array
``/_app/status/N``    status N and no body
``/_app/declared/N``  status N, a Content-Length of 5, and that many bytes
``/_app/stream``      an iterator, without Content-Length, with an empty piece in it
``/_app/noread``      answers without reading the body
``/_app/readone``     answers after one byte of the body
``/_app/clshort``     declares 20 bytes and yields 5
``/_app/cllong``      declares 5 bytes and yields more
``/_app/badheader``   gives a field value with CR LF to start_response
``/_app/badstatus``   gives a status with CR LF to start_response
``/_app/raise``       raises before start_response
``/_app/midraise``    raises after the first piece of a streamed body
====================  ==============================================================

It must run in one process, so that it remembers every call.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

_lock = threading.Lock()
_calls: list[str] = []


def application(environ: dict[str, Any], start_response) -> Iterable[bytes]:
    """Answer a request as the table above has it."""
    path = environ["PATH_INFO"]
    if path == "/_app/seen":
        return _answer_seen(start_response)
    call = f"{environ['REQUEST_METHOD']} {quote(path, safe='/*:@', encoding='latin-1')}"[
        :300
    ].rstrip()
    with _lock:
        _calls.append(call)
    if path == "/_app/raise":
        raise RuntimeError("asked to fail before start_response")

    limit = {"/_app/noread": 0, "/_app/readone": 1}.get(path, -1)
    body = environ["wsgi.input"].read(limit)
    told = {
        "environ": {name: value for name, value in environ.items() if isinstance(value, str)},
        "body": body.decode("latin-1"),
    }
    payload = json.dumps(told).encode("ascii")
    fields = [("X-Seen", call)]

    if path.startswith("/_app/status/"):
        start_response(f"{path.rpartition('/')[2]} Asked", fields)
        return []
    if path.startswith("/_app/declared/"):
        status = f"{path.rpartition('/')[2]} Asked"
        start_response(status, [*fields, ("Content-Length", "5")])
        return [b"bytes"]
    if path == "/_app/badstatus":
        start_response("200 OK\r\nInjected: yes", [*fields, ("Content-Length", "0")])
        return []
    if path == "/_app/badheader":
        bad = ("X-Bad", "a\r\nInjected: yes")
        start_response("200 OK", [*fields, bad, ("Content-Length", "0")])
        return []
    if path == "/_app/clshort":
        start_response("200 OK", [*fields, ("Content-Length", "20")])
        return [b"short"]
    if path == "/_app/cllong":
        start_response("200 OK", [*fields, ("Content-Length", "5")])
        return [b"right", b"HTTP/1.1 200 OK"]
    fields.append(("Content-Type", "application/json"))
    if path in ("/_app/stream", "/_app/midraise"):
        start_response("200 OK", fields)
        return _pieces(payload, fails=path == "/_app/midraise")
    start_response("200 OK", [*fields, ("Content-Length", str(len(payload)))])
    return [payload]


def _answer_seen(start_response) -> Iterable[bytes]:
    with _lock:
        payload = json.dumps(_calls).encode("ascii")
        _calls.clear()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [payload]


def _pieces(payload: bytes, fails: bool) -> Iterator[bytes]:
    middle = len(payload) // 2
    yield payload[:middle]
    if fails:
        raise RuntimeError("asked to fail in the middle")
    yield b""  # PEP 3333 allows it, and it must not end a chunked body
    yield payload[middle:]
