"""Imports a module that needs the GIL: in a view, or where the application is loaded."""

import os

if "AT_LOAD" in os.environ:
    import needs_gil  # noqa: F401


def app(environ, start_response):
    """Import it for /import."""
    if environ["PATH_INFO"] == "/import":
        import needs_gil  # noqa: F401
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"imported"]
