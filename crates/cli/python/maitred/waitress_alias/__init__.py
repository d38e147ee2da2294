"""``maitred.install_as_waitress()``: for programs that say ``import waitress``.

The modules of this package stand in for those of the same names, with the names and arguments that
programs use. What they have of Waitress's inside (``wasyncore.loop``, ``_map``,
``task_dispatcher``) starts, stops and counts Maitred's server. Modules that handle HTTP have no
stand-in: importing one is an `ImportError` that says why.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

from maitred.waitress_alias import loggers
from maitred.waitress_alias.refusal import refused_module


def install_as_waitress() -> None:
    """Make every later ``import waitress`` find Maitred.

    To be called before anything has imported Waitress; afterwards some of the program would go on
    with the one and some with the other, and so that is a `RuntimeError`. From then on, what the
    program asks of the loggers ``waitress`` and ``waitress.queue`` holds for Maitred's records.
    """
    # Not at the top: most programs need none of them.
    from maitred.waitress_alias import (
        adjustments,
        compat,
        proxy_headers,
        runner,
        server,
        task,
        top,
        utilities,
        wasyncore,
    )

    present = sys.modules.get("waitress")
    if present is top:
        return
    if present is not None:
        raise RuntimeError(
            "waitress has been imported already: call install_as_waitress() before anything does"
        )
    loggers.follow_waitress()
    _become_a_package(top)
    sys.modules["waitress"] = top
    parts = (adjustments, compat, proxy_headers, runner, server, task, utilities, wasyncore)
    for module in parts:
        part = module.__name__.rpartition(".")[2]
        sys.modules[f"waitress.{part}"] = module
        setattr(top, part, module)
    sys.meta_path.insert(0, _Refusals())


def _become_a_package(top: ModuleType) -> None:
    """Let ``python -m waitress`` find ``__main__`` in the folder of this package."""
    spec = ModuleSpec("waitress", loader=None, is_package=True)
    spec.submodule_search_locations = list(__path__)
    top.__spec__ = spec
    top.__path__ = list(__path__)


class _Refusals:
    """Finds no module: it refuses those of Waitress that have no stand-in."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> None:
        del path, target
        package, _, part = name.partition(".")
        if package == "waitress" and part and part != "__main__":
            raise refused_module(name)
