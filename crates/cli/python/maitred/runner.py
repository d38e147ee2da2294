"""``maitred.runner.run(argv)``: the command line for programs, like ``waitress.runner.run``.

django-prodserver and other programs call it with an argument list, whose first element is the name
of the program.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from maitred._native import run as _run


def run(argv: Sequence[str] | None = None) -> int:
    """Run a command line, by default that of this process, and return the exit status.

    0: the command completed, or the server was stopped. 1: the server could not start. 2: the
    arguments or settings are invalid. Errors are printed to standard error; nothing is raised, and
    the process does not exit.
    """
    return _run([str(argument) for argument in (sys.argv if argv is None else argv)])
