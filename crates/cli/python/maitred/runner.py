"""``maitred.runner.run(argv)``: the command line for programs, as ``waitress.runner.run`` is.

django-prodserver and others call it with an argument list of their own, whose first element is the
name of the program.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from maitred._native import run as _run


def run(argv: Sequence[str] | None = None) -> int:
    """Run a command line, that of this process by default, and return the exit status.

    0: it was served and then stopped, or printed what was asked for. 1: it could not be served.
    2: the arguments or settings are wrong. What is wrong is told on standard error; nothing is
    raised, and the process goes on.
    """
    return _run([str(argument) for argument in (sys.argv if argv is None else argv)])
