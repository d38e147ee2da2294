"""Python's ``logging`` and standard error in a process that the server owns.

Faults that only the server sees are handed to the handlers of the program. With
``log-format = "json"``, whatever Python writes to standard error becomes a record of the log.
"""

from __future__ import annotations

import json
import logging
import logging.config
import os
import re
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TextIO

Field = tuple[str, "str | int | float | bool"]
Log = Callable[[int, str, str, float, str, list[Field]], None]
"""Takes level, logger, thread, time, message and fields of a record."""

_BUILT_IN = {*vars(logging.makeLogRecord({})), "asctime", "message", "taskName"}
"""What every record has. The rest is what the application has added with `extra`."""

_BY_SERVER = "_by_maitred"
"""Marks a record that the server logs itself, unless another handler shows it."""


class Handler(logging.Handler):
    """Puts records into the server's log, unless another handler of the program shows them."""

    def __init__(self, log: Log, level: int = logging.NOTSET) -> None:
        """Log with this function."""
        super().__init__(level)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Log a record."""
        try:
            if hasattr(record, _BY_SERVER) or is_shown(record, self):
                return
            self._log(
                record.levelno,
                record.name,
                record.threadName or "unnamed",
                record.created,
                record.getMessage(),
                list(_fields(record)),
            )
        except Exception:  # noqa: BLE001 (as every handler does)
            self.handleError(record)


def _fields(record: logging.LogRecord) -> Iterator[Field]:
    if record.exc_info and record.exc_info[0] is not None:
        yield "exception", record.exc_info[0].__qualname__
        yield "traceback", "".join(traceback.format_exception(*record.exc_info))
    elif record.exc_text:
        yield "traceback", record.exc_text
    if record.stack_info:
        yield "stack", record.stack_info
    for name, value in vars(record).items():
        if (
            name not in _BUILT_IN
            and not name.startswith("_")
            and isinstance(value, str | int | float)
        ):
            yield name, value


def is_shown(record: logging.LogRecord, besides: logging.Handler | None = None) -> bool:
    """Return whether a handler of the program writes the record to standard output or error."""
    logger: logging.Logger | None = logging.getLogger(record.name)
    while logger is not None:
        for handler in logger.handlers:
            if handler is not besides and _shows(handler, record):
                return True
        logger = logger.parent if logger.propagate else None
    return False


def _shows(handler: logging.Handler, record: logging.LogRecord) -> bool:
    if record.levelno < handler.level:
        return False
    listener = getattr(handler, "listener", None)  # of a QueueHandler
    if listener is not None:
        return any(_shows(behind, record) for behind in listener.handlers)
    # A rich handler has a console.
    stream = getattr(handler, "stream", None) or getattr(
        getattr(handler, "console", None), "file", None
    )
    # The filter of a handler decides as well: Django's prints only with DEBUG.
    return stream is not None and _is_standard(stream) and bool(handler.filter(record))


def _is_standard(stream: TextIO) -> bool:
    if stream is sys.stdout or stream is sys.stderr:
        return True
    try:
        descriptor = stream.fileno()
        return any(os.path.sameopenfile(descriptor, standard) for standard in (1, 2))
    except (AttributeError, OSError, ValueError):
        return False  # not a file, or closed


def report(record: logging.LogRecord) -> bool:
    """Hand a record of the server to the program; return whether one of its handlers shows it."""
    root = logging.getLogger("maitred")
    if not root.handlers:
        # Without any handler, `logging` would write to standard error by itself.
        root.addHandler(logging.NullHandler())
    logger = logging.getLogger(record.name)
    if not logger.isEnabledFor(record.levelno):
        return False
    setattr(record, _BY_SERVER, True)
    shown = not logger.disabled and is_shown(record)
    logger.handle(record)
    return shown


def configure(dictionary: str) -> tuple[str, list[str]] | None:
    """Configure `logging` with a dictionary in JSON.

    Return what is wrong with it, and the keys of the value that is wrong.
    """
    try:
        logging.config.dictConfig(json.loads(dictionary))
    except Exception as error:  # noqa: BLE001 (whatever the classes raise that it names)
        text = str(error)
        if error.__cause__ is not None:
            text = f"{text}: {error.__cause__}"
        if named := re.match(r"Unable to configure (\w+) '(.*?)'", text):
            return text, [f"{named[1]}s", named[2]]
        return text, ["root"] if "root logger" in text else []
    return None


def adopt(stream: TextIO, log: Log, write_waiting: Callable[[], None]) -> None:
    """Make the server's log of all that Python writes to standard error."""
    if sys.stderr is not None:
        sys.stderr.flush()
    sys.stderr = stream
    # What has no other handler, which may be a warning of a module that is being imported.
    logging.lastResort = Handler(log, logging.WARNING)
    hooks = _Hooks(log, write_waiting)
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = hooks.program
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = hooks.thread
    if sys.unraisablehook is sys.__unraisablehook__:
        sys.unraisablehook = hooks.unraisable


def application_imported() -> None:
    """Log what the application logs, unless it has configured the root logger for itself."""
    root = logging.getLogger()
    last = logging.lastResort
    if isinstance(last, Handler) and not root.handlers:
        root.addHandler(Handler(last._log))


class _Hooks:
    """Log exceptions that nobody has caught."""

    def __init__(self, log: Log, write_waiting: Callable[[], None]) -> None:
        self._log = log
        self._write_waiting = write_waiting

    def program(
        self,
        kind: type[BaseException],
        value: BaseException,
        trace: TracebackType | None,
    ) -> None:
        """The main thread ends with an exception."""
        self._exception("an exception has ended the program", (kind, value, trace))
        self._write_waiting()

    def thread(self, ended: threading.ExceptHookArgs) -> None:
        """A thread of the application ends with an exception."""
        if issubclass(ended.exc_type, SystemExit):
            return
        value = ended.exc_value or ended.exc_type()
        name = ended.thread.name if ended.thread else "unnamed"
        message = f"an exception has ended the thread {name}"
        self._exception(message, (ended.exc_type, value, ended.exc_traceback))

    def unraisable(self, ignored: sys.UnraisableHookArgs) -> None:
        """An exception cannot be raised where it occurs, as in `__del__`."""
        try:
            where = repr(ignored.object)
        except Exception:  # noqa: BLE001 (whatever the application's `__repr__` raises)
            where = f"<{type(ignored.object).__qualname__}>"
        message = f"{ignored.err_msg or 'Exception ignored in'}: {where}"
        value = ignored.exc_value or ignored.exc_type()
        self._exception(message, (ignored.exc_type, value, ignored.exc_traceback))

    def _exception(
        self,
        message: str,
        raised: tuple[type[BaseException], BaseException, TracebackType | None],
    ) -> None:
        record = logging.LogRecord("maitred.errors", logging.ERROR, "", 0, message, (), raised)
        self._log(
            record.levelno,
            record.name,
            record.threadName or "unnamed",
            record.created,
            message,
            list(_fields(record)),
        )
