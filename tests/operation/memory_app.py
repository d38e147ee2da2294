"""An application whose responses and requests take memory."""

from __future__ import annotations


def app(environ, start_response):
    """Send a new object of 8 MB, or the length of what was received."""
    if environ["PATH_INFO"] == "/large":
        body = bytes(8_000_000)
    else:
        body = str(len(environ["wsgi.input"].read())).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
