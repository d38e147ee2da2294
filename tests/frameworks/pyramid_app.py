"""A Pyramid application: a route with a pattern, JSON, an upload and a file."""

import hashlib
import os
from pathlib import Path
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import FileResponse, Response


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


def page(request: Request) -> Response:
    """Send a page, as most views do."""
    return Response("hello")


def numbers(request: Request) -> Response:
    """Send numbers, each on its own."""
    pieces = (b"%d\n" % number for number in range(100))
    return Response(app_iter=pieces, content_type="text/plain")


def nothing(request: Request) -> Response:
    """Send nothing at all."""
    return Response(status=204)


def conditional(request: Request) -> Response:
    """Send a page, unless the client has it."""
    return Response("hello", etag="one", conditional_response=True)


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
        ("page", "/page", page, None),
        ("numbers", "/numbers", numbers, None),
        ("nothing", "/nothing", nothing, None),
        ("conditional", "/conditional", conditional, None),
    ):
        config.add_route(name, pattern)
        config.add_view(view, route_name=name, renderer=renderer)
    return config.make_wsgi_app()


app = main({})
