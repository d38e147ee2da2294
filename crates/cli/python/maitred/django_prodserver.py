"""The backend for django-prodserver.

::

    PRODUCTION_PROCESSES = {
        "web": {
            "BACKEND": "maitred.django_prodserver.MaitredServer",
            "ARGS": {"host": "0.0.0.0", "port": "8000", "threads": "4", "expose-tracebacks": None},
        }
    }

``ARGS`` is a command line, and means what the same one means to ``maitred``. In a mapping, as for
the other backends of the package, a name is an option, with hyphens or underscores, and its value
is text or anything that can be written as text. ``None`` stands for the option alone:
``"expose-tracebacks": None``, ``"no-expose-tracebacks": None``. A list holds the values of one
option. ``ARGS`` may also be the command line itself, as text or as a list.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from django_prodserver.backends.base import BaseServerBackend
from django_prodserver.utils import wsgi_app_name

from maitred._native import run


class MaitredServer(BaseServerBackend):
    """Serves ``WSGI_APPLICATION`` with Maitred."""

    def __init__(self, **process: Any) -> None:
        self.args: list[str] = command_line(process.get("ARGS") or {})

    def prep_server_args(self) -> list[str]:
        """Return the command line."""
        return ["maitred", *self.args, wsgi_app_name()]

    def start_server(self, *args: str) -> None:
        """Serve until stopped. An error exits with the status of the command line."""
        status = run(list(args), application_from="Django's setting WSGI_APPLICATION")
        if status:
            raise SystemExit(status)


def command_line(arguments: str | Mapping[str, object] | Iterable[object]) -> list[str]:
    """Return the options that ``ARGS`` stands for."""
    if isinstance(arguments, str):
        return shlex.split(arguments)
    if isinstance(arguments, Mapping):
        return [option(name, value) for name, value in arguments.items()]
    return [str(argument) for argument in arguments]


def option(name: str, value: object) -> str:
    """Return an option as django-prodserver writes it, and one with the items of a list."""
    if value is None:
        return f"--{name}"
    if isinstance(value, list | tuple | set | frozenset):
        # What separates directories in one text is what separates them in PATH.
        separator = os.pathsep if name.replace("_", "-") == "python-path" else " "
        value = separator.join(map(str, value))
    return f"--{name}={value}"
