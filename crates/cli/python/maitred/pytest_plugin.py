"""The fixture ``maitred_server``: a real server for a test, on a free port of this machine.

::

    def test_the_shop_is_open(maitred_server):
        server = maitred_server(app, threads=2)
        assert requests.get(server.url).status_code == 200

pytest finds it by itself. Every server is stopped at the end of its test.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from typing_extensions import Unpack

    from maitred import Server, Settings


class StartServer(Protocol):
    """Starts a server for an application and returns it. The keywords are those of `serve`."""

    def __call__(self, app: WSGIApplication, **settings: Unpack[Settings]) -> Server:
        """Start it on a free port of 127.0.0.1, and without `admin_listen`, unless these are given.

        Other settings come from the environment and the settings file of the current folder, too.
        """


@pytest.fixture
def maitred_server() -> Iterator[StartServer]:
    """Start servers with ``maitred_server(app, **settings)``; they stop with the test."""
    # Not when pytest loads the plugin: most tests need no server.
    from maitred import create_server

    with ExitStack() as servers:

        def start(app: WSGIApplication, **settings: Unpack[Settings]) -> Server:
            if not settings.keys() & {"host", "port", "listen", "unix_socket", "sockets"}:
                settings["host"] = "127.0.0.1"
                settings["port"] = 0
            # That of the project's settings file belongs to the server which may be running.
            settings.setdefault("admin_listen", None)
            return servers.enter_context(create_server(app, **settings))

        yield start
