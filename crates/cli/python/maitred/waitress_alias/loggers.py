"""Loggers: what a program asks of ``waitress`` holds for Maitred's records.

Programs set the level, handlers, filters, ``propagate`` or ``disabled`` of the logger ``waitress``,
by code, ``dictConfig`` or an INI file. So Maitred's loggers become its children, and hand it their
records as if they were its own: under its name, past its filters, to its handlers.
"""

from __future__ import annotations

import logging

_PARENTS = {
    "maitred": "waitress",
    "maitred.application": "waitress",
    "maitred.queue": "waitress.queue",
}


def follow_waitress() -> None:
    """Make Maitred's loggers children of Waitress's."""
    for name, parent in _PARENTS.items():
        logger = logging.getLogger(name)
        logger.parent = logging.getLogger(parent)
        logger.__class__ = _QueueLogger if name == "maitred.queue" else _Child
    # What the application writes to `wsgi.errors` is not a record of the server: in Waitress, no
    # logger can silence it.
    logging.getLogger("maitred.errors").parent = logging.getLogger()


class _Child(logging.Logger):
    """A logger whose parent decides about its records.

    Its own ``disabled`` does not count: ``dictConfig`` disables every logger that it does not name,
    and a program that configures ``waitress`` knows no other name.
    """

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 (a method of `Logger`)
        """Return whether the parent logs a record of this level."""
        parent = self.parent
        return (
            parent is not None and level >= self.getEffectiveLevel() and parent.isEnabledFor(level)
        )

    def handle(self, record: logging.LogRecord) -> None:
        """Pass a record to the parent, and before that to handlers of this logger."""
        parent = self.parent
        if parent is None or not self.filter(record):
            return
        record.name = parent.name
        for handler in self.handlers:
            if record.levelno >= handler.level:
                handler.handle(record)
        parent.handle(record)


class _QueueLogger(_Child):
    """The logger about the queue. Its warning has the words that operators look for."""

    def handle(self, record: logging.LogRecord) -> None:
        """Begin the message as Waitress does."""
        waiting = getattr(record, "maitred", {}).get("waiting")
        if waiting is not None:
            record.msg = f"Task queue depth is {waiting}: {record.getMessage()}"
            record.args = ()
        super().handle(record)
