"""The static files of a Django project, for ``maitred dev``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def with_static_files(application: Application) -> Application:
    """Let Django serve its static files, as its ``runserver`` does, under ``DEBUG``."""
    if "django.core.handlers.wsgi" not in sys.modules:
        return application
    from django.conf import settings

    if not settings.configured or not settings.DEBUG or not settings.STATIC_URL:
        return application
    if "django.contrib.staticfiles" not in settings.INSTALLED_APPS:
        return application
    from django.contrib.staticfiles.handlers import StaticFilesHandler

    served: Application = StaticFilesHandler(application)
    return served
