"""The backend for django-prodserver.

::

    PRODUCTION_PROCESSES = {
        "web": {
            "BACKEND": "maitred.django_prodserver.MaitredServer",
            "ARGS": {"host": "0.0.0.0", "port": "8000", "threads": "4"},
        }
    }

``ARGS`` takes every setting, with hyphens or underscores, as text or as what it is: numbers, true
and false, lists. Text or a list in the place of the mapping is a command line.
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
        """Return the command line, but for what ``ARGS`` says as a mapping."""
        return ["maitred", *self.args, wsgi_app_name()]

    def start_server(self, *args: str) -> None:
        """Serve until stopped. A mistake ends the command with its exit status."""
        status = run(list(args), self.settings)
        if status:
            raise SystemExit(status)
