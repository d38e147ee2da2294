"""Stands in for ``waitress.utilities``, as far as programs use it."""

from __future__ import annotations

import logging
import stat
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path

logger = logging.getLogger("maitred")
queue_logger = logging.getLogger("maitred.queue")


def build_http_date(when: float) -> str:
    """Return a time in seconds since 1970 as HTTP writes it."""
    return formatdate(when, usegmt=True)


def parse_http_date(text: str) -> int:
    """Return the seconds since 1970 of a time as HTTP writes it, and 0 for anything else."""
    try:
        return int(parsedate_to_datetime(text).timestamp())
    except (TypeError, ValueError):
        return 0


def cleanup_unix_socket(path: str) -> None:
    """Remove the file of a Unix socket, and no other file."""
    file = Path(path)
    try:
        if stat.S_ISSOCK(file.stat().st_mode):
            file.unlink()
    except FileNotFoundError:
        pass
