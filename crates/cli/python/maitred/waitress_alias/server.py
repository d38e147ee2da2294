"""Replaces ``waitress.server``: servers that are bound when created and run with ``run()``."""

from __future__ import annotations

import logging
import socket as _socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from maitred import _native
from maitred.waitress_alias import wasyncore
from maitred.waitress_alias.adjustments import Adjustments, SocketInfo
from maitred.waitress_alias.refusal import Refused, refuse_overrides, refused_name
from maitred.waitress_alias.serving import OwnMap, Part, Serving, SocketMap, Trigger
from maitred.waitress_alias.task import ThreadedTaskDispatcher
from maitred.waitress_alias.utilities import logger

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = [
    "BaseWSGIServer",
    "MultiSocketServer",
    "TcpWSGIServer",
    "UnixWSGIServer",
    "WSGIServer",
    "create_server",
]

_NATIVELY = "connections are handled natively"


def __getattr__(name: str) -> Any:
    raise refused_name("waitress.server", name)


def _do_nothing(now: float) -> None:
    """Replace a method that programs call, and that has nothing to do."""
    del now


class BaseWSGIServer:
    """A server with one or more sockets."""

    asyncore = wasyncore
    logger: logging.Logger = logger
    accepting: bool = True

    channel_class: Refused = Refused(_NATIVELY)
    handle_accept: Refused = Refused(_NATIVELY)
    handle_read: Refused = Refused(_NATIVELY)
    readable: Refused = Refused(_NATIVELY)
    writable: Refused = Refused(_NATIVELY)
    fix_addr: Refused = Refused(_NATIVELY)
    add_task: Refused = Refused(_NATIVELY)
    bind_server_socket: Refused = Refused(
        "sockets are bound natively; pass bound ones as `sockets`"
    )
    set_socket_options: Refused = Refused(
        "TCP_NODELAY is always set, and there are no other options"
    )
    maintenance: Refused = Refused(
        "timeouts are checked natively; set `channel_timeout`", _do_nothing
    )

    def __init__(
        self,
        application: WSGIApplication,
        map: SocketMap | None = None,  # noqa: A002 (Waitress's name)
        _start: bool = True,
        _sock: _socket.socket | None = None,
        dispatcher: ThreadedTaskDispatcher | None = None,
        adj: Adjustments | None = None,
        sockinfo: SocketInfo | None = None,
        bind_socket: bool = True,
        **kw: Any,
    ) -> None:
        del _start, bind_socket  # the sockets are bound natively, and listen at once
        refuse_overrides(type(self))
        if _sock is not None:
            kw["sockets"] = [_sock]
        self.adj: Adjustments = Adjustments(**kw) if adj is None else adj
        self.sockinfo: SocketInfo = self.adj.listen[0] if sockinfo is None else sockinfo
        self.family: int = self.sockinfo[0]
        self.socktype: int = self.sockinfo[1]
        self._application = _Application(application)
        if dispatcher is None:
            dispatcher = ThreadedTaskDispatcher()
            dispatcher.set_thread_count(self.adj.threads)
        self.task_dispatcher: ThreadedTaskDispatcher = dispatcher
        _native.check_application(application)
        native = _native.create_server(
            self._application,
            _quiet=True,
            _start_thread=dispatcher.start_thread,
            **self.adj.use(),
        )
        self._map: SocketMap = OwnMap() if map is None else map
        self.serving: Serving = Serving(native, dispatcher, self._map)
        self.trigger: Trigger = Trigger(self.serving, self._call_on_another_thread)
        self.serving.enter(self.trigger)
        self._enter()

    def _enter(self) -> None:
        addresses = self.effective_listen
        if len(addresses) == 1:
            self.serving.enter(self)
        else:
            for host, port in addresses:
                self.serving.enter(_Listener(self.serving, host, port))

    @property
    def application(self) -> WSGIApplication:
        """The application, which may be replaced at any time."""
        return self._application.current

    @application.setter
    def application(self, application: WSGIApplication) -> None:
        _native.check_application(application)
        self._application.current = application

    @property
    def socket(self) -> _socket.socket | _ListeningSocket | None:
        """The first listening socket: a duplicate, or its address alone while the server runs."""
        if self.serving.is_closing:
            return None
        try:
            return self.serving.native.socket
        except RuntimeError:
            return _ListeningSocket(self)

    @property
    def effective_host(self) -> str:
        """The host of the first address, or ``unix``."""
        return self.serving.native.effective_host

    @property
    def effective_port(self) -> str:
        """The port of the first address, or the path of a Unix socket."""
        return self.serving.native.effective_port

    @property
    def effective_listen(self) -> list[tuple[str, str]]:
        """Host and port of every address."""
        return self.serving.native.effective_listen

    @property
    def server_name(self) -> str:
        """SERVER_NAME."""
        return str(self.adj.server_name)

    @property
    def active_channels(self) -> Mapping[int, object]:
        """The open connections. They can be counted; the server closes them itself."""
        return _Channels(self.serving)

    def getsockname(self) -> tuple[str, str]:
        """Return host and port of the first address, or ``unix`` and a path."""
        return self.effective_host, self.effective_port

    def accept_connections(self) -> None:
        """Do nothing: the sockets have listened since they were created."""

    def print_listen(self, format_str: str) -> None:
        """Log a line for every address."""
        for host, port in self.effective_listen:
            self.log_info(format_str.format(f"[{host}]" if ":" in host else host, port))

    def log_info(self, message: str, type: str = "info") -> None:  # noqa: A002 (Waitress's name)
        """Log a message; ``type`` is ``info``, ``warning`` or ``error``."""
        levels = {"warning": logging.WARNING, "error": logging.ERROR}
        self.logger.log(levels.get(type, logging.INFO), "%s", message)

    def log(self, message: str) -> None:
        """Log a message at level DEBUG."""
        self.logger.debug("%s", message)

    def run(self) -> None:
        """Serve until ``close()`` or a signal.

        `SystemExit` and `KeyboardInterrupt` of a signal handler end it as well, and are not passed
        on. Like Ctrl-C in Waitress, a signal shuts the task dispatcher down.
        """
        is_closed_before = self.serving.is_closing
        with suppress(SystemExit, KeyboardInterrupt):
            self.serving.run()
        if not is_closed_before and not self.serving.was_closed:
            self.task_dispatcher.shutdown()

    def close(self) -> None:
        """Stop; may be called from any thread, and does not wait."""
        self.serving.close()

    handle_close = close

    def pull_trigger(self) -> None:
        """Do nothing: the event loop needs nobody to wake it."""

    def _call_on_another_thread(self, thunk: Callable[[], object]) -> None:
        def call() -> None:
            try:
                thunk()
            except Exception:
                self.logger.exception("exception in trigger thunk")

        threading.Thread(target=call, name="waitress-trigger", daemon=True).start()


class TcpWSGIServer(BaseWSGIServer):
    """A server with one TCP socket."""


class UnixWSGIServer(BaseWSGIServer):
    """A server with one Unix socket."""


class MultiSocketServer(BaseWSGIServer):
    """A server with several sockets."""

    @property
    def map(self) -> SocketMap:
        """The map with an entry for each socket."""
        return self._map


WSGIServer = TcpWSGIServer


class _Application:
    """Calls the application that the server has at that time."""

    def __init__(self, current: WSGIApplication) -> None:
        self.current = current

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        return self.current(environ, start_response)


class _Listener(Part):
    """One of several listening sockets, as an entry of a map."""

    accepting: bool = True

    def __init__(self, serving: Serving, host: str, port: str) -> None:
        super().__init__(serving)
        self.effective_host = host
        self.effective_port = port


class _ListeningSocket:
    """What can be told of a listening socket that the server has taken."""

    def __init__(self, server: BaseWSGIServer) -> None:
        self.family: int = server.family
        self.type: int = server.socktype
        self._address = server.getsockname()

    def getsockname(self) -> Any:
        """Return the address, as a socket does."""
        host, port = self._address
        if host == "unix":
            return port
        return (host, int(port), 0, 0) if ":" in host else (host, int(port))


class _Channels(Mapping[int, object]):
    """The open connections of a server, by number."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving

    def __repr__(self) -> str:
        return repr(dict(self))

    def __len__(self) -> int:
        return self._serving.native.connections

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self)))

    def __getitem__(self, number: int) -> object:
        if number not in range(len(self)):
            raise KeyError(number)
        return _Channel()


class _Channel:
    """An open connection."""

    close: Refused = Refused(_NATIVELY)
    handle_close: Refused = Refused(_NATIVELY)
    will_close: Refused = Refused(_NATIVELY)


def create_server(
    application: WSGIApplication,
    map: SocketMap | None = None,  # noqa: A002 (Waitress's name)
    _start: bool = True,
    _sock: _socket.socket | None = None,
    _dispatcher: ThreadedTaskDispatcher | None = None,
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
