"""The demo application of ``make serve``: it answers with a description of the request.

Run it with ``maitred maitred.demo:app``. A browser gets an HTML page, other clients plain text. The
page loads nothing else, and every part of the request in it is escaped.
"""

from __future__ import annotations

import html
import platform
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from maitred import __version__

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Rows = list[tuple[str, str]]

_BODY_SHOWN_MAX = 4096
"""The maximum number of request body bytes that are shown."""


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer every request with a description of it."""
    sections = {
        "The request": _request(environ),
        "Header fields": _fields(environ),
        "What the server adds": _server(environ),
    }
    wants_page = "text/html" in environ.get("HTTP_ACCEPT", "")
    text = _page(environ, sections) if wants_page else _plain(sections)
    body = text.encode("utf-8", "replace")
    kind = "text/html" if wants_page else "text/plain"
    start_response(
        "200 OK",
        [
            ("Content-Type", f"{kind}; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"),
            ("X-Content-Type-Options", "nosniff"),
            ("Vary", "Accept"),
        ],
    )
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


def _server(environ: WSGIEnvironment) -> Rows:
    rows = [
        ("Thread", threading.current_thread().name),
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
dt { color: var(--soft) }
dd { margin: 0; font: .9rem/1.7 ui-monospace, Menlo, Consolas, monospace; overflow-wrap: anywhere;
  white-space: pre-wrap }
footer { margin-top: 2rem; color: var(--soft); font-size: .9rem }
@media (max-width: 34rem) { dl div { grid-template-columns: 1fr; gap: 0 } }
"""

_TEMPLATE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Maitred: {line}</title>
<style>{style}</style>
<main>
<header><p>Maitred received this request</p><h1>{line}</h1></header>
{tables}
<footer>{about}</footer>
</main>
</html>
"""
