"""An application as pages call it when it is small: `hello:app` and `hello:create_app()`."""

from flask import Flask


def create_app() -> Flask:
    """Make one."""
    app = Flask(__name__)
    app.add_url_rule("/", view_func=lambda: "Hello\n")
    return app


app = create_app()
