"""Replaces the parts of ``waitress.wasyncore`` with which programs run and end a server."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Any

from maitred.waitress_alias.refusal import GUIDE, refused_name
from maitred.waitress_alias.serving import Serving, SocketMap

socket_map: SocketMap = {}

_DISCONNECTED = frozenset(
    {
        errno.ECONNRESET,
        errno.ENOTCONN,
        errno.ESHUTDOWN,
        errno.ECONNABORTED,
        errno.EPIPE,
        errno.EBADF,
    }
)


def __getattr__(name: str) -> Any:
    raise refused_name("waitress.wasyncore", name)


class ExitNow(Exception):  # noqa: N818 (Waitress's name)
    """Ends the loop, when a program raises it."""


def loop(
    timeout: float = 30.0,
    use_poll: bool = False,
    map: SocketMap | None = None,  # noqa: A002 (Waitress's name)
    count: int | None = None,
) -> None:
    """Serve until the map is empty, or for ``count`` times ``timeout`` seconds.

    Between two calls the servers serve on. A server whose entries were removed from the map without
    being closed is closed, and this returns when it has ended.
    """
    del use_poll
    entries = socket_map if map is None else map
    seen: dict[int, Serving] = {}
    while entries and (count is None or count > 0):
        current = {id(serving): serving for serving in _servings_of(entries)}
        seen.update(current)
        for serving in current.values():
            serving.start()
        first, *others = current.values()
        first.join(timeout)
        for serving in others:
            serving.join(0)
        count = None if count is None else count - 1
    if not entries:
        for serving in seen.values():
            serving.close()
            serving.join()


def close_all(
    map: SocketMap | None = None,  # noqa: A002 (Waitress's name)
    ignore_all: bool = False,
) -> None:
    """Close everything in the map, and empty it."""
    entries = socket_map if map is None else map
    for entry in list(entries.values()):
        try:
            entry.close()
        except OSError as error:
            if error.errno != errno.EBADF and not ignore_all:
                raise
        except Exception:
            if not ignore_all:
                raise
    entries.clear()


def _servings_of(entries: SocketMap) -> Iterator[Serving]:
    """Return the servers that the entries of a map belong to."""
    for entry in list(entries.values()):
        serving = getattr(entry, "serving", None)
        if not isinstance(serving, Serving):
            raise NotImplementedError(
                f"{entry!r} in the map cannot be served: Maitred has an event loop of its own; "
                f"{GUIDE}"
            )
        yield serving
