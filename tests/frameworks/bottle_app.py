"""A Bottle application: a form, JSON, a file and a stream."""

import os
from collections.abc import Iterator
from typing import Any

import bottle

app = bottle.Bottle()


@app.route("/echo/<rest:path>", method=["GET", "POST", "PUT", "PATCH", "DELETE"])
def echo(rest: str) -> dict[str, Any]:
    """Tell what was asked."""
    request = bottle.request
    query = request.query.decode()  # Bottle hands over latin-1
    return {
        "method": request.method,
        "path": rest,
        "query": {name: query.getall(name) for name in query},
        "body": request.body.read().decode(),
        "scheme": request.urlparts.scheme,
        "host": request.urlparts.netloc,
        "cookies": dict(request.cookies),
    }


@app.post("/form")
def form() -> str:
    """Greet whoever sends the form."""
    return f"hello {bottle.request.forms.getunicode('name')}"


@app.get("/file/<name>")
def file(name: str) -> bottle.HTTPResponse:
    """Send a file of the test."""
    return bottle.static_file(name, root=os.environ["TEST_FILES"], download=name)


@app.get("/page")
def page() -> str:
    """Send a page, as most views do."""
    return "hello"


@app.get("/nothing")
def nothing() -> bottle.HTTPResponse:
    """Send nothing at all."""
    return bottle.HTTPResponse(status=204)


@app.get("/conditional")
def conditional() -> bottle.HTTPResponse:
    """Send a page, unless the client has it."""
    if bottle.request.get_header("If-None-Match") == '"one"':
        return bottle.HTTPResponse(status=304)
    return bottle.HTTPResponse("hello", ETag='"one"')


@app.get("/numbers")
def numbers() -> Iterator[str]:
    """Send numbers, each on its own."""
    for number in range(1000):
        yield f"{number}\n"
