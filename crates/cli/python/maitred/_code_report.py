"""Tells the supervisor which files a worker process has its code from, for `reload`.

Each report is a line of JSON on a socket, and says only what is new. A file comes with its time and
size as they were when its module was imported, so that a change in between is seen, whenever it
happens. The supervisor asks with one byte whether a debugger waits for its user.
"""

from __future__ import annotations

import json
import os
import select
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import FrameType
from typing import TypeAlias

INTERVAL_SECONDS = 0.4
"""How often the modules are looked at. Some of them are imported for the first request."""

CLOCK_TICK_NS = 20_000_000
"""How far the times of files may be behind the clock."""

DEBUGGERS = ("bdb", "pydevd", "_pydevd_bundle")
"""The modules, or the beginnings of their names, that run while a debugger waits for its user."""

STANDARD_LIBRARY = Path(os.__file__).absolute().parent
INSTALLED = {"site-packages", "dist-packages"}

Stamp: TypeAlias = "tuple[str, int, int]"
"""A file, when it was written in nanoseconds, and its size."""


class Reporter:
    """Reports until the process ends."""

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        self._descriptor = descriptor
        self._known: set[Path] = set()
        self._looked_at = time.time_ns()

    def begin(self) -> None:
        """Report the modules of now, and from now on those that are imported later."""
        self._report({"files": self._new(module_files())})
        threading.Thread(target=self._go_on, name="maitred-code", daemon=True).start()

    def failed(self, error: BaseException | None) -> None:
        """Report what the import has failed in, and where a module may be missing."""
        files = {*files_of(error), *module_files()}
        folders = {file.parent for file in files}
        folders.update(Path(entry).absolute() for entry in sys.path)
        own = (folder for folder in folders if is_own(folder) and folder.is_dir())
        names = {str(folder): [it.name for it in folder.iterdir()] for folder in own}
        self._report({"files": self._new(files), "folders": names})

    def _go_on(self) -> None:
        while True:
            asked, _, _ = select.select([self._descriptor], [], [], INTERVAL_SECONDS)
            if asked and not os.read(self._descriptor, 1):
                return  # the supervisor is gone
            new = self._new(module_files())
            if asked:
                self._report({"files": new, "debugged": debugger_waits()})
            elif new:
                self._report({"files": new})

    def _new(self, files: Iterable[Path]) -> list[Stamp]:
        """Return those files that were not reported, as of now."""
        began, self._looked_at = self._looked_at, time.time_ns()
        new = set(files) - self._known
        self._known |= new
        stamps = (stamp_of(file, began, self._looked_at) for file in sorted(new))
        return [stamp for stamp in stamps if stamp]

    def _report(self, report: dict[str, object]) -> None:
        line = json.dumps(report).encode() + b"\n"
        try:
            while line:
                line = line[os.write(self._descriptor, line) :]
        except OSError:
            pass  # the supervisor is gone, and this process about to end


def module_files() -> Iterator[Path]:
    """Find the files of all modules but those of the standard library."""
    for module in list(sys.modules.values()):
        # Not `getattr`: it would load a module that waits for its first use.
        file = getattr(module, "__dict__", {}).get("__file__")
        if isinstance(file, str):
            path = Path(file).absolute()
            if is_installed(path) or STANDARD_LIBRARY not in path.parents:
                yield path


def files_of(error: BaseException | None) -> Iterator[Path]:
    """Find the files that an exception names."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        trace = error.__traceback__
        while trace is not None:
            yield Path(trace.tb_frame.f_code.co_filename).absolute()
            trace = trace.tb_next
        if isinstance(error, SyntaxError) and error.filename:
            yield Path(error.filename).absolute()
        error = error.__cause__ or error.__context__


def stamp_of(file: Path, began: int, now: int) -> Stamp | None:
    """Return the file with its time and size, as of the import between `began` and `now`."""
    try:
        status = file.stat()
    except OSError:
        return None  # of an archive, or of no file at all
    if began - CLOCK_TICK_NS <= status.st_mtime_ns <= now:
        # It was written meanwhile, perhaps after it was read: any look at it finds a change.
        return str(file), 0, 0
    return str(file), status.st_mtime_ns, status.st_size


def is_installed(path: Path) -> bool:
    """Whether a path is of a package that was installed."""
    return not INSTALLED.isdisjoint(path.parts)


def is_own(path: Path) -> bool:
    """Whether a path may be of the application itself."""
    return not is_installed(path) and STANDARD_LIBRARY not in (path, *path.parents)


def debugger_waits() -> bool:
    """Whether a debugger has stopped a thread, and waits for its user."""
    if not any(name in sys.modules for name in DEBUGGERS):
        return False
    for innermost in sys._current_frames().values():
        frame: FrameType | None = innermost
        while frame is not None:
            name = frame.f_globals.get("__name__") or ""
            if name in DEBUGGERS or name.startswith(DEBUGGERS[1:]):
                return True
            frame = frame.f_back
    return False
