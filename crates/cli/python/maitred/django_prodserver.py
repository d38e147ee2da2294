"""The backend for django-prodserver.

::

    PRODUCTION_PROCESSES = {
        "web": {
            "BACKEND": "maitred.django_prodserver.MaitredServer",
            "ARGS": {"host": "0.0.0.0", "port": "8000", "threads": "4"},
        }
    }

``ARGS`` accepts every setting, with hyphens or underscores, as text or with its type: numbers,
booleans, lists. ``ARGS`` may also be a command line, as text or as a list.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from django_prodserver.backends.base import BaseServerBackend
from django_prodserver.utils import wsgi_app_name

from maitred._native import run


class MaitredServer(BaseServerBackend):
    """Serves ``WSGI_APPLICATION`` with Maitred."""

    def __init__(self, **process: Any) -> None:
        arguments = process.get("ARGS") or {}
        self.settings = dict(arguments) if isinstance(arguments, Mapping) else {}
        if isinstance(arguments, str):
            self.args = shlex.split(arguments)
        elif isinstance(arguments, Mapping):
            self.args = []
        else:
            self.args = [str(argument) for argument in arguments]

    def prep_server_args(self) -> list[str]:
        """Return the command line, without the settings of an ``ARGS`` mapping."""
        return ["maitred", *self.args, wsgi_app_name()]

    def start_server(self, *args: str) -> None:
        """Serve until stopped. An error exits with the status of the command line."""
        status = run(list(args), self.settings)
        if status:
            raise SystemExit(status)
