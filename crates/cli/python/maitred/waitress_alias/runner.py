"""Replaces ``waitress.runner``: the command line, which logs as the program has configured."""

from __future__ import annotations

import getopt
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from maitred import _native
from maitred.waitress_alias.adjustments import Adjustments
from maitred.waitress_alias.refusal import refused_name
from maitred.waitress_alias.top import serve
from maitred.waitress_alias.utilities import logger


def __getattr__(name: str) -> Any:
    raise refused_name("waitress.runner", name)


def run(argv: Sequence[str] | None = None, _serve: Callable[..., None] = serve) -> int:
    """Run a command line, by default that of this process, and return the exit status.

    What Waitress would not take, such as a flag of Maitred or a mistake, is for Maitred's own
    command line, which reports mistakes and returns 2. An application that cannot be imported: 1.
    """
    arguments = [str(argument) for argument in (sys.argv if argv is None else argv)]
    try:
        settings, names = Adjustments.parse_args(arguments[1:])
        wants_help, call = settings.pop("help"), settings.pop("call")
        _native.read_settings(settings)
    except (getopt.GetoptError, ValueError):
        return _native.run(arguments)
    if wants_help or len(names) != 1:
        return _native.run(arguments)
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO)
    sys.path.append(str(Path.cwd()))
    try:
        app = _native.import_application(names[0], call)
    except ImportError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 (a command line)
        return 1
    _serve(app, **settings)
    return 0
