"""Advice for production, from what an imported application says: `maitred check --deploy`.

Each function looks at one framework, and only if the application uses it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CONNECTIONS_MAX = {"postgresql": 100, "postgis": 100, "mysql": 151}
"""How many connections a database accepts if its own settings do not say otherwise."""

SQLALCHEMY_POOL = {"pool_size": 5, "max_overflow": 10}


def advice(application: Any, threads: int, workers: int) -> list[str]:
    """Return what is unfit for production, one sentence each."""
    return [*_django(threads, workers), *_flask(application, threads)]


def _django(threads: int, workers: int) -> Iterator[str]:
    conf = sys.modules.get("django.conf")
    if conf is None or not conf.settings.configured:
        return
    settings = conf.settings
    if settings.DEBUG:
        yield "`DEBUG` is on: every error page shows code and settings"
    hosts = list(settings.ALLOWED_HOSTS)
    if not hosts and not settings.DEBUG:
        yield "`ALLOWED_HOSTS` is empty: every request is answered 400"
    elif "*" in hosts:
        yield "`ALLOWED_HOSTS` has `*`: links in mails follow the `Host` that a client sends"
    yield from _static_files(settings)
    for alias, database in settings.DATABASES.items():
        yield from _database(alias, database, threads, workers)


def _static_files(settings: Any) -> Iterator[str]:
    if "django.contrib.staticfiles" not in settings.INSTALLED_APPS:
        return
    root = getattr(settings, "STATIC_ROOT", None)
    if not root:
        yield "`STATIC_ROOT` is not set: `collectstatic` has no place for static files"
    elif not Path(root).is_dir():
        yield f"`STATIC_ROOT` ({root}) is no directory: run `manage.py collectstatic`"
    if not any("whitenoise" in name.lower() for name in settings.MIDDLEWARE):
        yield (
            f"nothing in the application serves `{settings.STATIC_URL}`: the proxy has to, or "
            "WhiteNoise"
        )


def _database(alias: str, database: dict[str, Any], threads: int, workers: int) -> Iterator[str]:
    kind = str(database.get("ENGINE", "")).rpartition(".")[2]
    who = f"the database `{alias}`"
    pool = (database.get("OPTIONS") or {}).get("pool")
    size = pool.get("max_size") if isinstance(pool, dict) else None
    if isinstance(size, int) and size < threads:
        yield f"{who} has a pool of {size} connections for {threads} threads: requests wait for one"
        return
    wanted = threads * workers
    limit = CONNECTIONS_MAX.get(kind)
    if limit is not None and pool is None and wanted > limit:
        yield (
            f"{who} may get {wanted} connections, one for each thread, and {kind} accepts {limit} "
            "by default"
        )
    if kind == "sqlite3" and wanted > 1:
        yield f"{who} is SQLite, in which {wanted} threads write one after the other"


def _flask(application: Any, threads: int) -> Iterator[str]:
    flask = sys.modules.get("flask")
    if flask is None or not isinstance(application, flask.Flask):
        return
    if application.debug:
        yield "the application's `debug` is on"
    if "SQLALCHEMY_DATABASE_URI" not in application.config:
        return
    options = application.config.get("SQLALCHEMY_ENGINE_OPTIONS") or {}
    pool = sum(options.get(name, default) for name, default in SQLALCHEMY_POOL.items())
    if pool < threads:
        yield f"SQLAlchemy has {pool} connections for {threads} threads: requests wait for one"
