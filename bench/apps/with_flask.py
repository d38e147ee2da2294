"""A hello world in Flask."""

from flask import Flask

app = Flask(__name__)


@app.route("/")
def hello():
    """Answer what `plain.hello` answers."""
    return "Hello, world!"
