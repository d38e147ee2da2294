"""Tests of the logs of real frameworks and of an error tracker: nothing is lost or doubled."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from pathlib import Path

import pytest
import requests
from server import Server

FLASK = """
from logging.config import dictConfig

import flask

# As the documentation of Flask has it.
dictConfig({
    "version": 1,
    "formatters": {"default": {"format": "[%(asctime)s] %(levelname)s in %(module)s: %(message)s"}},
    "handlers": {
        "wsgi": {
            "class": "logging.StreamHandler",
            "stream": "ext://flask.logging.wsgi_errors_stream",
            "formatter": "default",
        }
    },
    "root": {"level": "INFO", "handlers": ["wsgi"]},
})

"""

VIEWS = """
shop = flask.Flask(__name__)


@shop.get("/log")
def log():
    shop.logger.info("tea was sold")
    return "done"


@shop.get("/fail")
def fail():
    raise KeyError("in a view")


def app(environ, start_response):
    if environ["PATH_INFO"] == "/outside":
        raise RuntimeError("outside of the framework")
    return shop(environ, start_response)
"""

EMBEDDED = """
import maitred
from shop import app

maitred.serve(app, listen="127.0.0.1:0")
"""

SERVED = {"text": ("--log-format=text",), "json": ("--log-format=json",), "embedded": None}


@pytest.mark.parametrize("how", SERVED)
def test_flask_as_documented_logs_everything_once(program, tmp_path, how):
    (tmp_path / "shop.py").write_text(FLASK + VIEWS)
    (tmp_path / "serving.py").write_text(EMBEDDED)
    arguments = SERVED[how]
    if arguments is None:
        with closing(Server([sys.executable, "serving.py"], tmp_path)) as server:
            ask(server)
            assert server.stop() == 0
    else:
        server = program("--listen=127.0.0.1:0", *arguments, "shop:app", cwd=tmp_path)
        ask(server)
        assert server.stop() == 0
    for text in ("tea was sold", "KeyError: 'in a view'", "RuntimeError: outside of the framework"):
        assert server.log.count(text) == 1, server.log
    assert server.log.count("the application raised an exception when it was called") == 1
    if how == "json":
        for line in server.log.splitlines():
            json.loads(line)


def ask(server: Server) -> None:
    statuses = [
        requests.get(server.url + path, timeout=60).status_code
        for path in ("/log", "/fail", "/outside")
    ]
    assert statuses == [200, 500, 500]


LOOPING = """
import logging, maitred

errors = None


class ToErrors(logging.Handler):
    def emit(self, record):
        if errors is not None:
            errors.write(f"seen: {record.getMessage()}\\n")


logging.getLogger().addHandler(ToErrors())
logging.getLogger().setLevel(logging.ERROR)


def app(environ, start_response):
    global errors
    errors = environ["wsgi.errors"]
    print("printed by the application", file=errors)
    if environ["PATH_INFO"] == "/fail":
        raise RuntimeError("a fault")
    start_response("200 OK", [("Content-Length", "0")])
    return [b""]


if __name__ == "__main__":
    import sys
    server = maitred.create_server(app, listen="127.0.0.1:0")
    print("serving on", server.url, "with threads", file=sys.stderr, flush=True)
    server.run()
"""


@pytest.mark.parametrize("how", SERVED)
def test_a_root_handler_that_writes_to_the_error_stream_makes_no_loop(program, tmp_path, how):
    (tmp_path / "shop.py").write_text(LOOPING)
    arguments = SERVED[how]
    if arguments is None:
        server = Server([sys.executable, "shop.py"], tmp_path)
    else:
        server = program("--listen=127.0.0.1:0", *arguments, "shop:app", cwd=tmp_path)
    with closing(server):
        requests.get(server.url, timeout=60)
        assert requests.get(server.url + "/fail", timeout=60).status_code == 500
        assert server.stop() == 0
    # Also where the level of the root logger is ERROR.
    assert server.log.count("printed by the application") == 2, server.log
    assert server.log.count("seen: the application raised an exception") == 1, server.log


DJANGO = """
import logging
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.urls import path


class Kept(logging.Handler):
    def emit(self, record):
        with open("kept.txt", "a") as file:
            kind = record.exc_info[0].__name__ if record.exc_info else "-"
            file.write(f"{record.name} {record.levelname} {kind}\\n")


def fail(request):
    raise KeyError("in a view")


settings.configure(
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["*"],
    SECRET_KEY="-",
    LOGGING={
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"kept": {"()": Kept}},
        "root": {"level": "WARNING", "handlers": ["kept"]},
    },
)
urlpatterns = [path("fail", fail)]
django = get_wsgi_application()


def app(environ, start_response):
    if environ["PATH_INFO"] == "/outside":
        raise RuntimeError("outside of the framework")
    return django(environ, start_response)
"""


@pytest.mark.parametrize("form", ["text", "json"])
def test_handlers_of_django_see_what_only_the_server_sees(maitred, tmp_path, form):
    (tmp_path / "site_app.py").write_text(DJANGO)
    server = maitred(f"--log-format={form}", "site_app:app", cwd=tmp_path)
    for path in ("/fail", "/outside"):
        assert requests.get(server.url + path, timeout=60).status_code == 500
    assert server.stop() == 0
    kept = (tmp_path / "kept.txt").read_text().splitlines()
    assert kept == ["django.request ERROR KeyError", "maitred.application ERROR RuntimeError"]
    # No handler of Django's has shown it, so the log has it.
    assert server.log.count("RuntimeError: outside of the framework") == 1, server.log


@pytest.mark.parametrize("debug", [True, False])
def test_errors_of_an_unconfigured_django_are_records(maitred, tmp_path, debug):
    source = DJANGO[: DJANGO.index("    LOGGING=")] + DJANGO[DJANGO.index(")\nurlpatterns") :]
    source = source.replace("ROOT_URLCONF", f"DEBUG={debug}, ROOT_URLCONF")
    (tmp_path / "site_app.py").write_text(source)
    server = maitred("--log-format=json", "site_app:app", cwd=tmp_path)
    assert requests.get(server.url + "/fail", timeout=60).status_code == 500
    assert server.stop() == 0
    records = [json.loads(line) for line in server.log.splitlines()]
    failed = [record for record in records if "Internal Server Error" in record["message"]]
    assert len(failed) == 1, records
    if not debug:  # else Django's own handler prints it
        assert failed[0]["logger"] == "django.request"
        assert failed[0]["exception"] == "KeyError"


SENTRY = """
import json
import flask
import sentry_sdk
from sentry_sdk.transport import Transport


class ToFile(Transport):
    def capture_envelope(self, envelope):
        event = envelope.get_event()
        if event is not None:
            with open("events.jsonl", "a") as file:
                file.write(json.dumps(event, default=str) + "\\n")


sentry_sdk.init(dsn="https://key@sentry.invalid/1", transport=ToFile)

"""


@pytest.mark.parametrize("how", SERVED)
def test_sentry_gets_what_only_the_server_sees_and_nothing_twice(program, tmp_path, how):
    (tmp_path / "shop.py").write_text(SENTRY + VIEWS)
    (tmp_path / "serving.py").write_text(EMBEDDED)
    arguments = SERVED[how]
    if arguments is None:
        server = Server([sys.executable, "serving.py"], tmp_path)
    else:
        server = program("--listen=127.0.0.1:0", *arguments, "shop:app", cwd=tmp_path)
    with closing(server):
        for path in ("/fail", "/outside"):
            assert requests.get(server.url + path, timeout=60).status_code == 500
        assert server.stop() == 0
    assert kinds(tmp_path / "events.jsonl") == [
        ("KeyError", None),
        ("RuntimeError", "maitred.application"),
    ]
    assert server.log.count("RuntimeError: outside of the framework") == 1, server.log


def kinds(events: Path) -> list[tuple[str, str]]:
    """Return the exception and the logger of each event."""
    loaded = [json.loads(line) for line in events.read_text().splitlines()]
    return [(event["exception"]["values"][-1]["type"], event.get("logger")) for event in loaded]
