"""A connection that keeps reading while it sends, because it may be rejected midway."""

from __future__ import annotations

import select
import socket
import time

from client import PATIENCE_SECONDS, Connection, Response

PAUSE_SECONDS = 0.005


class Wire(Connection):
    """A strict connection. A reset counts as the end: what came before it has been read."""

    def __init__(self, address: tuple[str, int] | str, timeout: float = PATIENCE_SECONDS):
        super().__init__(address, timeout)
        if not isinstance(address, str):
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def give(self, segments: list[bytes]) -> None:
        """Send the segments with a pause between them, until all is sent or nobody takes it."""
        for number, segment in enumerate(segments):
            if number:
                time.sleep(PAUSE_SECONDS)
            if not self._give(segment):
                return

    def _give(self, data: bytes) -> bool:
        rest = memoryview(data)
        while rest:
            readable, writable, _ = select.select(
                [self.socket], [self.socket], [], self.socket.gettimeout()
            )
            if not readable and not writable:
                raise TimeoutError("the server neither reads nor answers")
            if readable and not self._receive():
                return False
            if writable:
                try:
                    rest = rest[self.socket.send(rest[: 1 << 16]) :]
                except (BrokenPipeError, ConnectionResetError):
                    return False
        return True

    def read_body(self, head: Response, method: str) -> Response:
        """Read what follows a head."""
        return self._with_body(head, method, ())

    def half_close(self) -> None:
        """Say that nothing more will be sent; the server may have left already."""
        try:
            super().half_close()
        except OSError:
            return

    def _receive(self) -> bool:
        try:
            return super()._receive()
        except ConnectionResetError:
            return False
