"""Replaces the parts of ``waitress.utilities`` that programs use."""

from __future__ import annotations

import logging
import stat
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from typing import Any

from maitred.waitress_alias.refusal import refused_name

logger: logging.Logger = logging.getLogger("waitress")
queue_logger: logging.Logger = logging.getLogger("waitress.queue")


def __getattr__(name: str) -> Any:
    raise refused_name("waitress.utilities", name)


def build_http_date(when: float) -> str:
    """Return a time in seconds since 1970 as an HTTP date."""
    return formatdate(when, usegmt=True)


def parse_http_date(text: str) -> int:
    """Return the seconds since 1970 of an HTTP date, and 0 for anything else."""
    try:
        return int(parsedate_to_datetime(text).timestamp())
    except (TypeError, ValueError):
        return 0


def cleanup_unix_socket(path: str) -> None:
    """Remove a file if it is a Unix socket."""
    file = Path(path)
    try:
        if stat.S_ISSOCK(file.stat().st_mode):
            file.unlink()
    except FileNotFoundError:
        pass
