"""The demo application of ``make serve``: it describes the request and the server.

Run it with ``maitred maitred.demo:app``. A browser gets an HTML page, other clients plain text. The
page loads nothing else, and every part of the request in it is escaped. Below ``/try`` there is
something to try: a slow response, a streamed one, an upload, and an exception.
"""

from __future__ import annotations

import base64
import hashlib
import html
import itertools
import os
import platform
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from maitred import __version__

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Rows = list[tuple[str, str]]

_BODY_SHOWN_MAX = 4096
"""The maximum number of request body bytes that are shown."""

_BODY_READ_BYTES = 64 * 1024
"""How much of an upload is in memory at once."""

_SLOW_SECONDS = 3.0
"""How long the slow response takes."""

_STREAM_LINES, _STREAM_PAUSE_SECONDS = 10, 0.5
"""How many lines the stream has, and how far they are apart."""

_served = itertools.count(1)
"""The requests of this process."""


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer a request with a description of it, or with what there is to try."""
    trial = _TRIALS.get(environ.get("PATH_INFO", ""))
    return (trial or _describe)(environ, start_response)


def _slow(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    time.sleep(_SLOW_SECONDS)
    return _describe(environ, start_response)


def _stream(_: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
    start_response("200 OK", _headers("text/plain"))
    for line in range(1, _STREAM_LINES + 1):
        yield f"line {line} of {_STREAM_LINES}\n".encode()
        if line < _STREAM_LINES:
            time.sleep(_STREAM_PAUSE_SECONDS)


def _upload(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    digest, length = hashlib.sha256(), 0
    while piece := environ["wsgi.input"].read(_BODY_READ_BYTES):
        digest.update(piece)
        length += len(piece)
    upload = [("Bytes", str(length)), ("SHA-256", digest.hexdigest())]
    return _describe(environ, start_response, {"The upload": upload})


def _raise(environ: WSGIEnvironment, _: StartResponse) -> Iterable[bytes]:
    raise RuntimeError(f"the demo was asked for an exception, in {environ['REQUEST_METHOD']}")


_TRIALS: dict[str, Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]] = {
    "/try/slow": _slow,
    "/try/stream": _stream,
    "/try/upload": _upload,
    "/try/exception": _raise,
}


def _headers(kind: str) -> list[tuple[str, str]]:
    return [
        ("Content-Type", f"{kind}; charset=utf-8"),
        ("Cache-Control", "no-store"),
        ("Content-Security-Policy", _POLICY),
        ("X-Content-Type-Options", "nosniff"),
        ("Vary", "Accept"),
    ]


def _describe(
    environ: WSGIEnvironment,
    start_response: StartResponse,
    found: dict[str, Rows] | None = None,
) -> Iterable[bytes]:
    sections = {
        **(found or {}),
        "The request": _request(environ),
        "The server": _server(),
        "What the server adds": _added(environ),
        "Header fields": _fields(environ),
    }
    wants_page = "text/html" in environ.get("HTTP_ACCEPT", "")
    text = _page(environ, sections) if wants_page else _plain(sections)
    body = text.encode("utf-8", "replace")
    kind = "text/html" if wants_page else "text/plain"
    start_response("200 OK", [*_headers(kind), ("Content-Length", str(len(body)))])
    return [body]


def _request(environ: WSGIEnvironment) -> Rows:
    rows = [
        ("Method", environ["REQUEST_METHOD"]),
        ("Path", _native(environ.get("PATH_INFO", ""))),
        ("Query", environ.get("QUERY_STRING", "") or "none"),
        ("Protocol", environ["SERVER_PROTOCOL"]),
        ("From", _client(environ)),
    ]
    length = environ.get("CONTENT_LENGTH")
    if length:
        body = environ["wsgi.input"].read(_BODY_SHOWN_MAX)
        rows.append(("Body", f"{length} bytes of {environ.get('CONTENT_TYPE') or 'unknown type'}"))
        rows.append(("Begins with", body.decode("utf-8", "replace")))
    return rows


def _native(text: str) -> str:
    """Decode text that PEP 3333 passes as latin-1 as UTF-8, which it most likely is."""
    return text.encode("latin-1").decode("utf-8", "replace")


def _client(environ: WSGIEnvironment) -> str:
    host, port = environ.get("REMOTE_ADDR", "unknown"), environ.get("REMOTE_PORT")
    return f"{host}, port {port}" if port and port != "None" else host


def _fields(environ: WSGIEnvironment) -> Rows:
    return sorted(
        ("-".join(word.capitalize() for word in name[5:].split("_")), _native(str(value)))
        for name, value in environ.items()
        if name.startswith("HTTP_")
    )


def _server() -> Rows:
    has_gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    return [
        ("Version", _about()),
        ("GIL", "enabled" if has_gil else "disabled"),
        ("System", f"{platform.system()} {platform.machine()}"),
        ("Process", str(os.getpid())),
        ("Thread", threading.current_thread().name),
        ("Requests of this process", str(next(_served))),
    ]


def _added(environ: WSGIEnvironment) -> Rows:
    rows = [
        ("Scheme", environ["wsgi.url_scheme"]),
        ("Server", f"{environ.get('SERVER_NAME')}, port {environ.get('SERVER_PORT')}"),
        ("Several threads", "yes" if environ["wsgi.multithread"] else "no"),
        ("Several processes", "yes" if environ["wsgi.multiprocess"] else "no"),
    ]
    waited = environ.get("maitred.queue_time")
    if waited is not None:
        rows.append(("Waited for a thread", f"{waited * 1000:.3f} ms"))
    if "maitred.request_id" in environ:
        rows.append(("Request identifier", environ["maitred.request_id"]))
    gone = environ.get("maitred.client_disconnected")
    if gone is not None:
        rows.append(("Client", "gone" if gone() else "still there"))
    return rows


def _about() -> str:
    interpreter = f"{platform.python_implementation()} {platform.python_version()}"
    return f"Maitred {__version__} on {interpreter}"


def _plain(sections: dict[str, Rows]) -> str:
    lines = [_about()]
    for title, rows in sections.items():
        lines += ["", title]
        lines += [f"  {name}: {value}" for name, value in rows]
    return "\n".join(lines) + "\n"


def _page(environ: WSGIEnvironment, sections: dict[str, Rows]) -> str:
    def table(rows: Rows) -> str:
        return "".join(
            f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd></div>"
            for name, value in rows
        )

    tables = "".join(
        f"<section><h2>{html.escape(title)}</h2><dl>{table(rows)}</dl></section>"
        for title, rows in sections.items()
        if rows
    )
    line = html.escape(f"{environ['REQUEST_METHOD']} {_native(environ.get('PATH_INFO', ''))}")
    return _TEMPLATE.format(style=_STYLE, line=line, tables=tables, about=html.escape(_about()))


def _hash(text: str) -> str:
    """Return the hash of a style as a Content-Security-Policy names it."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


_STYLE = """
:root { color-scheme: light dark; --ink: #1c1917; --soft: #78716c; --line: #e7e5e4;
  --paper: #fafaf9; --card: #fff; --accent: #9f1239; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7e5e4; --soft: #a8a29e; --line: #292524;
  --paper: #0c0a09; --card: #1c1917; --accent: #fda4af; } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, sans-serif }
main { max-width: 46rem; margin: 0 auto; padding: clamp(1.5rem, 6vw, 4.5rem) 1.25rem }
header p { margin: 0; color: var(--soft) }
h1 { margin: .1em 0 .35em; font: 600 clamp(1.6rem, 5vw, 2.4rem)/1.2 ui-serif, Georgia, serif;
  letter-spacing: -.01em; overflow-wrap: anywhere }
h1::after { content: ""; display: block; width: 3rem; height: 3px; margin-top: .5em;
  background: var(--accent); border-radius: 2px }
section { margin-top: 1.5rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 12px; padding: .4rem 1.25rem 1rem }
h2 { font-size: .8rem; letter-spacing: .08em; text-transform: uppercase; color: var(--accent) }
dl { margin: 0 }
dl div { display: grid; grid-template-columns: 12rem 1fr; gap: 1rem; padding: .35rem 0;
  border-top: 1px solid var(--line) }
dl div:first-child { border-top: 0 }
nav { display: flex; flex-wrap: wrap; align-items: center; gap: .6rem 1.25rem; margin-top: 1.25rem }
nav form { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem }
a { color: inherit; text-decoration-color: var(--accent); text-underline-offset: .2em }
input, button { max-width: 100%; font: inherit; font-size: .9rem; color: inherit }
button { padding: .2rem .8rem; background: none; border: 1px solid var(--soft); border-radius: 8px;
  cursor: pointer }
dt { color: var(--soft) }
dd { margin: 0; font: .9rem/1.7 ui-monospace, Menlo, Consolas, monospace; overflow-wrap: anywhere;
  white-space: pre-wrap }
footer { margin-top: 2rem; color: var(--soft); font-size: .9rem }
@media (max-width: 34rem) { dl div { grid-template-columns: 1fr; gap: 0 } }
"""

_POLICY = (
    f"default-src 'none'; style-src '{_hash(_STYLE)}'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)

_TEMPLATE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Maitred: {line}</title>
<style>{style}</style>
<main>
<header><p>Maitred received this request</p><h1>{line}</h1></header>
<nav aria-label="To try">
<a href="/try/slow">A slow response</a>
<a href="/try/stream">A stream</a>
<a href="/try/exception">An exception</a>
<form method="post" action="/try/upload" enctype="multipart/form-data">
<label>An upload <input type="file" name="file"></label>
<button>Send</button>
</form>
</nav>
{tables}
<footer>{about}</footer>
</main>
</html>
"""
