"""An application whose responses and requests take memory."""

from __future__ import annotations

import sysconfig

SIZE = 8_000_000

#: A free-threaded build keeps the memory of freed objects for itself, in each thread: a new object
#: for each response would measure that, and not what the server holds.
SHARED = bytes(SIZE) if sysconfig.get_config_var("Py_GIL_DISABLED") else None


def app(environ, start_response):
    """Send an object of 8 MB (a new one, with a GIL), or the length of what was received."""
    if environ["PATH_INFO"] == "/large":
        body = bytes(SIZE) if SHARED is None else SHARED
    else:
        body = str(len(environ["wsgi.input"].read())).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
