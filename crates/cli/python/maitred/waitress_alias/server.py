"""Replaces ``waitress.server``: servers that are bound when created and run with ``run()``."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from maitred import _native
from maitred.waitress_alias.adjustments import Adjustments

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

__all__ = [
    "BaseWSGIServer",
    "MultiSocketServer",
    "TcpWSGIServer",
    "UnixWSGIServer",
    "WSGIServer",
    "create_server",
]


class BaseWSGIServer:
    """A server with one or more sockets."""

    def __init__(
        self,
        application: WSGIApplication,
        map: Any = None,  # noqa: A002 (Waitress's name)
        _start: bool = True,
        _sock: socket.socket | None = None,
        dispatcher: Any = None,
        adj: Adjustments | None = None,
        **kw: Any,
    ) -> None:
        del map, _start, dispatcher  # for asyncore, which is not used
        if _sock is not None:
            kw["sockets"] = [_sock]
        self.application = application
        self.adj = Adjustments(**kw) if adj is None else adj
        self._server = _native.create_server(application, _quiet=True, **self.adj.settings)

    @property
    def socket(self) -> socket.socket:
        """A duplicate of the first listening socket. Only available before the server runs."""
        return self._server.socket

    @property
    def effective_host(self) -> str:
        """The host of the first address, or ``unix``."""
        return self._server.effective_host

    @property
    def effective_port(self) -> str:
        """The port of the first address, or the path of a Unix socket."""
        return self._server.effective_port

    @property
    def effective_listen(self) -> list[tuple[str, str]]:
        """Host and port of every address."""
        return self._server.effective_listen

    @property
    def server_name(self) -> str:
        """SERVER_NAME."""
        return str(self.adj.server_name)

    def getsockname(self) -> Any:
        """Return the address of the first listening socket."""
        return self.socket.getsockname()

    def accept_connections(self) -> None:
        """Do nothing: the sockets have listened since they were created."""

    def print_listen(self, format_str: str) -> None:
        """Log a line for every address."""
        self._server.print_listen(format_str)

    def run(self) -> None:
        """Serve until ``close()`` or a signal. Ctrl-C stops it without raising."""
        self._server.run()

    def close(self) -> None:
        """Stop; may be called from any thread."""
        self._server.close()


class TcpWSGIServer(BaseWSGIServer):
    """A server with one TCP socket."""


class UnixWSGIServer(BaseWSGIServer):
    """A server with one Unix socket."""


class MultiSocketServer(BaseWSGIServer):
    """A server with several sockets."""


WSGIServer = TcpWSGIServer


def create_server(
    application: WSGIApplication,
    map: Any = None,  # noqa: A002 (Waitress's name)
    _start: bool = True,
    _sock: socket.socket | None = None,
    _dispatcher: Any = None,
    **kw: Any,
) -> BaseWSGIServer:
    """Create a server of the class that Waitress would use."""
    server = BaseWSGIServer(application, map, _start, _sock, _dispatcher, **kw)
    addresses = server.effective_listen
    if len(addresses) > 1:
        server.__class__ = MultiSocketServer
    elif addresses[0][0] == "unix":
        server.__class__ = UnixWSGIServer
    else:
        server.__class__ = TcpWSGIServer
    return server
