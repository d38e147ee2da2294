"""Replaces the parts of ``waitress.utilities`` that programs use."""

from __future__ import annotations

import logging
import stat
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path

logger = logging.getLogger("maitred")
queue_logger = logging.getLogger("maitred.queue")


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
