"""Stands in for ``waitress.adjustments``: settings as attributes, and Waitress's casts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from maitred import _native

_DEFAULTS = {"ident": "waitress", "server_name": "waitress.invalid"}
"""Where a program that believes to use Waitress would notice that it does not."""

_TRUE = frozenset({"t", "true", "y", "yes", "on", "1"})


class Adjustments:
    """Every setting as an attribute, by its keyword. Wrong ones are a `ValueError`."""

    def __init__(self, **kw: Any) -> None:
        self.settings: dict[str, Any] = {**_DEFAULTS, **kw}
        for name, value in _native.read_settings(self.settings).items():
            setattr(self, name, value)
        self.sockets = list(kw.get("sockets") or ())

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"there is no setting {name!r}")


def asbool(value: Any) -> bool:
    """Return whether a value says yes."""
    if value is None or isinstance(value, bool):
        return bool(value)
    return str(value).strip().lower() in _TRUE


def asoctal(value: str) -> int:
    """Return octal digits as a number."""
    return int(value, 8)


def aslist_cronly(value: str | Iterable[str]) -> list[str]:
    """Return the lines of a text that are not empty, or what is a list already."""
    if isinstance(value, str):
        value = filter(None, (line.strip() for line in value.splitlines()))
    return list(value)


def aslist(value: str | Iterable[str]) -> list[str]:
    """Return the words of a text, or of each of several."""
    return [word for line in aslist_cronly(value) for word in line.split()]


def asset(value: str | Iterable[str]) -> set[str]:
    """Return the words of a text as a set."""
    return set(aslist(value))


def slash_fixed_str(text: str) -> str:
    """Return a path with one slash in front and none at its end."""
    text = text.strip()
    return "/" + text.lstrip("/").rstrip("/") if text else text


def str_iftruthy(value: Any) -> str | None:
    """Return a value as text, and nothing as `None`."""
    return str(value) if value else None
