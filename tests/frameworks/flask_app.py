"""A Flask application: JSON, cookies, a session, a download and a stream."""

import os
from collections.abc import Iterator
from pathlib import Path

from flask import Flask, Response, jsonify, make_response, request, send_file, session

app = Flask(__name__)
app.secret_key = "of a test, and of nothing else"


@app.route("/echo/<path:rest>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
def echo(rest: str) -> Response:
    """Tell what was asked."""
    return jsonify(
        method=request.method,
        path=rest,
        query=request.args.to_dict(flat=False),
        body=request.get_data(as_text=True),
        scheme=request.scheme,
        host=request.host,
        cookies=request.cookies,
    )


@app.post("/sum")
def total() -> Response:
    """Add the numbers of a JSON body."""
    return jsonify(sum=sum(request.get_json()["numbers"]))


@app.get("/cookies")
def cookies() -> Response:
    """Set two cookies, which are two header fields, and count visits in the session."""
    session["visits"] = session.get("visits", 0) + 1
    response = make_response(str(session["visits"]))
    response.set_cookie("one", "1")
    response.set_cookie("two", "2", httponly=True)
    return response


@app.get("/file/<name>")
def download(name: str) -> Response:
    """Send a file of the test, whole or in part."""
    return send_file(Path(os.environ["TEST_FILES"]) / name, as_attachment=True)


@app.get("/page")
def page() -> str:
    """Send a page, as most views do."""
    return "hello"


@app.get("/conditional")
def conditional() -> Response:
    """Send a page, unless the client has it."""
    response = make_response("hello")
    response.set_etag("one")
    return response.make_conditional(request)


@app.get("/numbers")
def numbers() -> Response:
    """Send numbers, each on its own."""

    def pieces() -> Iterator[str]:
        for number in range(1000):
            yield f"{number}\n"

    return Response(pieces(), content_type="text/plain")


@app.get("/nothing")
def nothing() -> tuple[str, int]:
    """Send nothing at all."""
    return "", 204


@app.get("/fails")
def fails() -> str:
    """Raise, as a view with a mistake does."""
    raise RuntimeError("a mistake in a view")


def create_app() -> Flask:
    """Return the application, as a factory would."""
    return app
