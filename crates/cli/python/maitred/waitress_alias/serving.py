"""A server and its entries in a socket map: what programs know Waitress's event loop by.

In Waitress, a server runs as long as its map has entries, and programs stop it by closing these.
Here the map is only a picture: its entries belong to one native server, closing one closes the
server, and a closed server has no entries.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _collections_abc import dict_values

    from maitred import _native
    from maitred.waitress_alias.task import ThreadedTaskDispatcher

SocketMap = MutableMapping[int, Any]


class OwnMap(dict[int, Any]):
    """A map of which programs may close the entries while they iterate over them."""

    def values(self) -> dict_values[int, Any]:
        """Return the entries as they are now."""
        return dict(self).values()


class Serving:
    """One native server, the threads it is given, and its entries in a map."""

    def __init__(
        self, native: _native.Server, dispatcher: ThreadedTaskDispatcher, entries: SocketMap
    ) -> None:
        self.native: _native.Server = native
        self.is_closing: bool = False
        self.was_closed: bool = False  # by the program, and not by a signal
        self._dispatcher = dispatcher
        self._map = entries
        self._keys: list[int] = []
        dispatcher.serve(self)

    def enter(self, entry: object) -> None:
        """Put an entry into the map. It stands for a descriptor, and has none."""
        key = id(entry)
        self._keys.append(key)
        self._map[key] = entry

    def run(self) -> None:
        """Serve until the server is closed or a signal arrives."""
        try:
            self._take_threads()
            self.native.run()
        finally:
            self._leave()

    def start(self) -> None:
        """Serve in the background, unless the server is closed or serves already."""
        if self.is_closing:
            return
        self._take_threads()
        try:
            self.native.start()
        except RuntimeError:
            if not self.is_closing:  # by another thread, in this moment
                raise

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the server has ended; return whether it has."""
        ended = self.native.join(timeout)
        if ended:
            self._leave()
        return ended

    def close(self) -> None:
        """Let running requests finish, accept no others, and empty the map. Returns at once."""
        self.was_closed = True
        self._leave()
        self.native.close()

    def _take_threads(self) -> None:
        count = self._dispatcher.count
        if not self.is_closing and count not in (0, self.native.threads):
            self.native.threads = count

    def _leave(self) -> None:
        self.is_closing = True
        for key in self._keys:
            self._map.pop(key, None)


class Part:
    """An entry for a part of a server. Closing it closes the server."""

    def __init__(self, serving: Serving) -> None:
        self.serving: Serving = serving

    def close(self) -> None:
        """Close the server."""
        self.serving.close()

    handle_close = close


class Trigger(Part):
    """Stands in for what wakes Waitress's event loop."""

    def __init__(self, serving: Serving, run: Callable[[Callable[[], object]], None]) -> None:
        super().__init__(serving)
        self._run = run

    def pull_trigger(self, thunk: Callable[[], object] | None = None) -> None:
        """Call ``thunk``, if there is one, on another thread. Nothing has to be woken."""
        if thunk is not None:
            self._run(thunk)
