"""A Pyramid application: a route with a pattern, JSON, an upload and a file."""

import hashlib
import os
from pathlib import Path
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import FileResponse


def echo(request: Request) -> dict[str, Any]:
    """Tell what was asked."""
    return {
        "method": request.method,
        "path": "/".join(request.matchdict["rest"]),
        "query": {name: request.GET.getall(name) for name in request.GET},
        "body": request.text,
        "scheme": request.scheme,
        "host": request.host,
        "cookies": dict(request.cookies),
    }


def upload(request: Request) -> dict[str, Any]:
    """Tell name, size and digest of what was uploaded."""
    sent = request.POST["file"]
    data = sent.file.read()
    return {
        "name": sent.filename,
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }


def file(request: Request) -> FileResponse:
    """Send a file of the test, through the server's own wrapper."""
    return FileResponse(Path(os.environ["TEST_FILES"]) / request.matchdict["name"], request)


def main(global_config: dict[str, str], **settings: str) -> Any:
    """Build the application, as PasteDeploy asks for it."""
    config = Configurator(settings=settings)
    for name, pattern, view, renderer in (
        ("echo", "/echo/*rest", echo, "json"),
        ("upload", "/upload", upload, "json"),
        ("file", "/file/{name}", file, None),
    ):
        config.add_route(name, pattern)
        config.add_view(view, route_name=name, renderer=renderer)
    return config.make_wsgi_app()


app = main({})
