"""Run a file with what a page takes for granted: an application, imports, no server that stays."""

from __future__ import annotations

import runpy
import sys
import urllib.request
from typing import Any

import maitred
import requests
from maitred._native import read_settings


def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Answer."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"Hello\n"]


def checked(application: Any, /, **settings: Any) -> None:
    """Take the place of `serve`, which would not return: read the settings."""
    assert callable(application)
    read_settings(settings)


class Configurator:
    """What Pyramid's is called on its page."""

    make_wsgi_app = staticmethod(lambda: app)


maitred.serve = checked
runpy.run_path(
    sys.argv[1],
    init_globals={
        "maitred": maitred,
        "requests": requests,
        "urllib": urllib,
        "app": app,
        "application": app,
        "config": Configurator,
    },
)
