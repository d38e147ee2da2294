"""Replaces the package ``waitress``."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from maitred.waitress_alias.server import create_server

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

__all__ = ["create_server", "serve", "serve_paste"]


def serve(app: WSGIApplication, **kw: Any) -> None:
    """Serve until stopped. ``_server``, ``_quiet`` and ``_profile`` are for tests and adapters."""
    make: Callable[..., Any] = kw.pop("_server", create_server)
    quiet = kw.pop("_quiet", False)
    kw.pop("_profile", None)
    if not quiet:
        logging.basicConfig()
    server = make(app, **kw)
    if not quiet:
        server.print_listen("Serving on http://{}:{}")
    server.run()


def serve_paste(app: WSGIApplication, global_conf: Mapping[str, str] | None, **kw: Any) -> int:
    """Serve for PasteDeploy."""
    del global_conf
    serve(app, **kw)
    return 0
