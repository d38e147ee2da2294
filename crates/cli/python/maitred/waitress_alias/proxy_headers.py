"""Stands in for ``waitress.proxy_headers``.

Served by Maitred, an application needs none of this: the server has done it. It is for programs
that wrap an application by hand.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from maitred import _native
from maitred.waitress_alias.refusal import refused_name
from maitred.waitress_alias.utilities import logger as _logger

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PROXY_HEADERS = frozenset(
    {
        "X_FORWARDED_FOR",
        "X_FORWARDED_HOST",
        "X_FORWARDED_PROTO",
        "X_FORWARDED_PORT",
        "X_FORWARDED_BY",
        "FORWARDED",
    }
)


def __getattr__(name: str) -> Any:
    raise refused_name("waitress.proxy_headers", name)


def proxy_headers_middleware(
    app: WSGIApplication,
    trusted_proxy: str | None = None,
    trusted_proxy_count: int = 1,
    trusted_proxy_headers: Iterable[str] | None = None,
    clear_untrusted: bool = True,
    log_untrusted: bool = False,
    logger: logging.Logger = _logger,
) -> WSGIApplication:
    """Wrap an application so that trusted forwarding fields are applied to its environ."""
    settings: dict[str, Any] = {"clear_untrusted_proxy_headers": clear_untrusted}
    if trusted_proxy is not None:
        settings["trusted_proxy"] = trusted_proxy
        settings["trusted_proxy_count"] = trusted_proxy_count
        settings["trusted_proxy_headers"] = set(trusted_proxy_headers or {"x-forwarded-proto"})
    _native.read_settings(settings)  # errors are raised here, not at the first request

    def translated(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        before = {name for name in PROXY_HEADERS if f"HTTP_{name}" in environ}
        try:
            _native.believe_proxies(environ, settings)
        except ValueError as error:
            logger.warning("%s, from %s", error, environ.get("REMOTE_ADDR"))
            body = f"Bad Request\r\n\r\n{error}\r\n".encode("latin-1", "replace")
            fields = [
                ("Content-Type", "text/plain; charset=utf-8"),
                ("Content-Length", str(len(body))),
            ]
            start_response("400 Bad Request", fields)
            return [body]
        removed = sorted(name for name in before if f"HTTP_{name}" not in environ)
        if log_untrusted and removed:
            logger.warning("removed untrusted headers: %s", ", ".join(removed))
        return app(environ, start_response)

    return translated
