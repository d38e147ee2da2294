"""The native module: what `maitred` is made of."""

import socket as _socket
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, final

from _typeshed.wsgi import WSGIApplication

__all__ = [
    "Server",
    "__version__",
    "believe_proxies",
    "create_server",
    "main",
    "read_settings",
    "run",
    "serve",
]

__version__: str

def main(argv: Sequence[str], /) -> int:
    """Run the command line of this process, which ends with it, and return the exit status."""

def run(argv: Sequence[str], settings: Mapping[str, Any] | None = None, /) -> int:
    """Run a command line within a program that goes on afterwards, and return the exit status.

    ``settings`` are keywords beside it, and win.
    """

def read_settings(settings: Mapping[str, Any], /) -> dict[str, Any]:
    """Read keywords as `create_server` does, and return every setting by its keyword.

    Durations are in seconds, sizes in bytes. Raises `ValueError` for wrong settings.
    """

def believe_proxies(environ: dict[str, Any], settings: Mapping[str, Any], /) -> None:
    """Put what a trusted proxy said into the environ, and take out the fields not believed.

    ``settings`` are `trusted_proxy` and its neighbours. Raises `ValueError` for a believed field
    that is malformed: the client is to be answered 400.
    """

def serve(app: WSGIApplication, /, *, _quiet: bool = False, **settings: Any) -> None:
    """Serve an application until a signal or ``close()`` stops it.

    The keywords are the settings of the command line with underscores: ``serve(app, port=8000,
    threads=8)``. On the main thread SIGTERM and SIGINT drain, unless the program has handlers of
    its own. Raises `ValueError` for wrong settings and `OSError` for an address that cannot be had.
    """

def create_server(app: WSGIApplication, /, *, _quiet: bool = False, **settings: Any) -> Server:
    """Make a server whose sockets are bound; nothing is started.

    Raises `ValueError` for wrong settings and `OSError` for an address that cannot be had.
    """

@final
class Server:
    """A server: bound from the start, running from ``run()`` or ``with`` on, until ``close()``.

    ::

        with maitred.create_server(app, host="127.0.0.1", port=0) as server:
            urllib.request.urlopen(server.url)
    """

    @property
    def effective_host(self) -> str:
        """The host of the first address: an IP address, or ``unix``."""

    @property
    def effective_port(self) -> str:
        """The port of the first address as text, or the path of a Unix socket."""

    @property
    def effective_listen(self) -> list[tuple[str, str]]:
        """Host and port of every address."""

    @property
    def url(self) -> str:
        """Where a client on this machine reaches it: ``http://127.0.0.1:8080``, ``unix:/path``."""

    @property
    def socket(self) -> _socket.socket:
        """The first listening socket, as a duplicate. To be asked for before the server runs."""

    def run(self) -> None:
        """Serve until ``close()`` is called, or, on the main thread, until a signal says to stop.

        Returns at once when the server was closed before.
        """

    def close(self) -> None:
        """Stop accepting, let running requests finish, and make ``run()`` return.

        Does not wait for that. May be called from any thread, and again.
        """

    def print_listen(self, format_str: str) -> None:
        """Log a line for every address: the text with ``{}`` for the host and for the port."""

    def __enter__(self) -> Server:
        """Start serving in the background."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        """Stop, and wait until it has stopped."""
