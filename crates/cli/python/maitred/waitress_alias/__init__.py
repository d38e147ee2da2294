"""``maitred.install_as_waitress()``: for programs that say ``import waitress``.

The modules of this package stand in for those of the same names, with their public names and
arguments. What only Waitress's own inside uses (``task``, ``channel``, ``wasyncore``, ``buffers``)
has no stand-in: an ``ImportError`` says so at once.
"""

from __future__ import annotations

import importlib
import sys

_PARTS = ("adjustments", "compat", "proxy_headers", "runner", "server", "utilities")


def install_as_waitress() -> None:
    """Make every later ``import waitress`` find Maitred.

    To be called before anything has imported Waitress; afterwards some of the program would go on
    with the one and some with the other, and so that is a `RuntimeError`.
    """
    top = importlib.import_module("maitred.waitress_alias.top")
    present = sys.modules.get("waitress")
    if present is top:
        return
    if present is not None:
        raise RuntimeError(
            "waitress has been imported already: call install_as_waitress() before anything does"
        )
    sys.modules["waitress"] = top
    for part in _PARTS:
        module = importlib.import_module(f"maitred.waitress_alias.{part}")
        sys.modules[f"waitress.{part}"] = module
        setattr(top, part, module)
