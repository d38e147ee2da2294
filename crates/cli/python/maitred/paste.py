"""PasteDeploy: ``use = egg:maitred#main`` in the ``[server:main]`` section of an INI file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from maitred._native import serve

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def serve_paste(
    app: WSGIApplication, global_conf: Mapping[str, str] | None, **settings: Any
) -> int:
    """Serve until stopped. PasteDeploy passes every setting as text."""
    del global_conf  # its values are for the application
    serve(app, **settings)
    return 0
