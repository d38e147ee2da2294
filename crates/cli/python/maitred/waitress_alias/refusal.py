"""The errors for what Maitred cannot stand in for: each names it, and says where to read on."""

from __future__ import annotations

import inspect
from typing import Any, NoReturn

GUIDE = "see docs/guides/from-waitress.md of Maitred"


def refused_module(name: str) -> ImportError:
    """Return the error for importing a module of Waitress that has no stand-in."""
    return ImportError(
        f"there is no `{name}`: Maitred stands in for Waitress here, and handles HTTP natively; "
        f"{GUIDE}",
        name=name,
    )


def refused_name(module: str, name: str) -> Exception:
    """Return the error for a name that a module of Waitress may have and its stand-in has not.

    An `ImportError`, because Python replaces the text of an `AttributeError` in ``from … import``.
    """
    if name.startswith("_"):
        return AttributeError(f"module {module!r} has no attribute {name!r}")
    return ImportError(
        f"there is no `{module}.{name}`: Maitred stands in for Waitress here, and handles HTTP "
        f"natively; {GUIDE}",
        name=module,
    )


class Refused:
    """An attribute that Waitress uses and Maitred does not: setting or overriding it is an error.

    Reading it is an `AttributeError`, as for any attribute that is not there, unless there is
    something to ``read``.
    """

    def __init__(self, reason: str, read: Any = None) -> None:
        self._reason = reason
        self._read = read
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        if instance is None:
            return self
        if self._read is None:
            raise AttributeError(f"there is no `{self._name}`: {self._reason}; {GUIDE}")
        return self._read

    def __set__(self, instance: object, value: object) -> NoReturn:
        raise self.error("setting")

    def error(self, doing: str) -> NotImplementedError:
        """Return the error for ``doing`` something with it."""
        return NotImplementedError(f"{doing} `{self._name}` has no effect: {self._reason}; {GUIDE}")


def refuse_overrides(kind: type) -> None:
    """Raise `NotImplementedError` if a class overrides what a base class refuses."""
    for base in kind.__mro__:
        for name, refused in vars(base).items():
            if isinstance(refused, Refused) and inspect.getattr_static(kind, name) is not refused:
                raise refused.error("overriding")
