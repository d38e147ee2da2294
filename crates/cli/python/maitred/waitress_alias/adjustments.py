"""Replaces ``waitress.adjustments``: settings as attributes, and Waitress's casts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from maitred import _native

_DEFAULTS = {"ident": "waitress", "server_name": "waitress.invalid"}
"""Defaults that programs written for Waitress may rely on."""

_TRUE = frozenset({"t", "true", "y", "yes", "on", "1"})


class Adjustments:
    """Every setting as an attribute, by its keyword. Invalid ones raise `ValueError`."""

    def __init__(self, **kw: Any) -> None:
        self.settings: dict[str, Any] = {**_DEFAULTS, **kw}
        for name, value in _native.read_settings(self.settings).items():
            setattr(self, name, value)
        self.sockets = list(kw.get("sockets") or ())

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"there is no setting {name!r}")


def asbool(value: Any) -> bool:
    """Return whether a value means true."""
    if value is None or isinstance(value, bool):
        return bool(value)
    return str(value).strip().lower() in _TRUE


def asoctal(value: str) -> int:
    """Return octal digits as a number."""
    return int(value, 8)


def aslist_cronly(value: str | Iterable[str]) -> list[str]:
    """Return the non-empty lines of a text; a list is returned unchanged."""
    if isinstance(value, str):
        value = filter(None, (line.strip() for line in value.splitlines()))
    return list(value)


def aslist(value: str | Iterable[str]) -> list[str]:
    """Return the words of a text, or of each text in a list."""
    return [word for line in aslist_cronly(value) for word in line.split()]


def asset(value: str | Iterable[str]) -> set[str]:
    """Return the words of a text as a set."""
    return set(aslist(value))


def slash_fixed_str(text: str) -> str:
    """Return a path with one leading slash and no trailing slash."""
    text = text.strip()
    return "/" + text.lstrip("/").rstrip("/") if text else text


def str_iftruthy(value: Any) -> str | None:
    """Return a value as text, or `None` for an empty one."""
    return str(value) if value else None
