"""The native module, which implements the package `maitred`."""

import socket as _socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, final

from _typeshed.wsgi import WSGIApplication
from typing_extensions import Unpack

from maitred.settings import Settings

__all__ = [
    "Server",
    "__version__",
    "believe_proxies",
    "check_application",
    "create_server",
    "import_application",
    "main",
    "preload",
    "read_settings",
    "run",
    "serve",
    "work",
]

__version__: str

def main(argv: Sequence[str], /) -> int:
    """Run the command line of this process, which exits afterwards, and return the exit status."""

def run(argv: Sequence[str], /, application_from: str | None = None) -> int:
    """Run a command line within a program that continues, and return the exit status.

    `application_from` says where the program knows the application from, if it has added it.
    """

def check_application(application: object, /) -> None:
    """Raise `ValueError` or `TypeError` for what can never be called as a WSGI application."""

def import_application(name: str, call: bool, /) -> WSGIApplication:
    """Import an application by its name, ``package.module:attribute``.

    With ``call``, return what the named factory returns. Raises `ImportError`, whose text includes
    the application's traceback.
    """

def work(control: int, sources: str, report: int | None, /) -> int:
    """Run a worker process; only the supervisor calls it, in a process that it has started."""

def preload(control: int, sources: str, /) -> int:
    """Import the application and fork workers; only the supervisor calls it, as `work`."""

def read_settings(settings: Mapping[str, Any], /) -> dict[str, Any]:
    """Read keywords as `create_server` does, and return every setting by its keyword.

    Durations are in seconds, sizes in bytes. Raises `ValueError` for invalid settings.
    """

def believe_proxies(environ: dict[str, Any], settings: Mapping[str, Any], /) -> None:
    """Apply the forwarding fields of a trusted proxy to the environ, and remove untrusted ones.

    ``settings`` are `trusted_proxy` and related settings. Raises `ValueError` if a trusted field is
    malformed; the client should be answered 400.
    """

def serve(
    app: WSGIApplication | str, *, _quiet: bool = False, **settings: Unpack[Settings]
) -> None:
    """Serve an application until a signal or ``close()`` stops it.

    ``serve("module:app", workers=4)`` serves with worker processes, which import the application.

    The keywords are the settings of the command line with underscores: ``serve(app, port=8000,
    threads=8)``. On the main thread, SIGTERM and SIGINT drain the server, unless the program has
    its own handlers. Raises `ValueError` for invalid settings and `OSError` for an address that
    cannot be bound.
    """

def create_server(
    application: WSGIApplication,
    *,
    _quiet: bool = False,
    _start_thread: Callable[[Callable[[], None]], object] | None = None,
    **settings: Unpack[Settings],
) -> Server:
    """Create a server. Its sockets are bound; nothing is started.

    Raises `ValueError` for invalid settings and `OSError` for an address that cannot be bound.
    """

@final
class Server:
    """A server, bound when created, and running from ``start()``, ``run()`` or ``with`` on.

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
        """The URL for clients on this machine: ``http://127.0.0.1:8080``, ``unix:/path``."""

    @property
    def socket(self) -> _socket.socket:
        """A duplicate of the first listening socket. Only available before the server runs."""

    @property
    def threads(self) -> int:
        """The number of threads that call the application. May be set before the server runs."""

    @threads.setter
    def threads(self, value: int, /) -> None: ...
    @property
    def busy(self) -> int:
        """The number of threads that serve a request; 0 unless the server runs."""

    @property
    def waiting(self) -> int:
        """The number of requests that wait for a thread; 0 unless the server runs."""

    @property
    def connections(self) -> int:
        """The number of open client connections; 0 unless the server runs."""

    def run(self) -> None:
        """Serve until ``close()`` is called or, on the main thread, until a signal arrives.

        Returns at once if the server was closed before.
        """

    def start(self) -> None:
        """Start serving in the background, unless the server serves already.

        Raises `RuntimeError` if the server is closed.
        """

    def close(self) -> None:
        """Drain: stop accepting, let running requests finish, and make ``run()`` return.

        Does not wait for that. May be called from any thread, repeatedly.
        """

    def stop(self) -> None:
        """Close the server, and wait until it has stopped."""

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the server has stopped, at most ``timeout`` seconds.

        Returns whether it does not run. On the main thread, signal handlers run meanwhile.
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

    def __aenter__(self) -> Awaitable[Server]:
        """Start serving in the background of an asyncio loop."""

    def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> Awaitable[None]:
        """Stop. The loop runs until it has stopped."""
