"""An application that uses descriptors, and shows what those are worth that it executes.

`/file` sends a file that is longer than sockets have room for.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from multiprocessing.util import spawnv_passfds
from pathlib import Path

HELD: list[int] = []
FILE_BYTES = 64 << 20

SOFT_LIMIT = ["sh", "-c", "ulimit -S -n"]


def use_all() -> str:
    """Open files until there is no descriptor left, and keep them."""
    while True:
        try:
            HELD.append(os.open("/dev/null", os.O_RDONLY))
        except OSError as error:
            return str(error.errno)


def open_one() -> str:
    """Open a file, and close it."""
    with Path(__file__).open("rb") as file:
        return file.name


def by_fork() -> str:
    """The soft limit of a program that a forked child executes."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(writes, 1)
        os.execvp(SOFT_LIMIT[0], SOFT_LIMIT)  # noqa: S606
    os.close(writes)
    with os.fdopen(reads) as output:
        text = output.read()
    os.waitpid(child, 0)
    return text.strip()


def by_subprocess(**options: object) -> str:
    """The same of one that `subprocess` starts."""
    return subprocess.run(SOFT_LIMIT, check=True, capture_output=True, text=True, **options).stdout


def by_multiprocessing() -> str:
    """The same of one that `multiprocessing` starts, as it does for its own processes."""
    reads, writes = os.pipe()
    shell = ["/bin/sh", "-c", f"{SOFT_LIMIT[-1]} >/dev/fd/{writes}"]
    child = spawnv_passfds(os.fsencode(shell[0]), shell, [writes])
    os.close(writes)
    with os.fdopen(reads) as output:
        text = output.read()
    os.waitpid(child, 0)
    return text.strip()


ANSWERS = {
    "/": lambda: "hello",
    "/all": use_all,
    "/open": open_one,
    "/fork": by_fork,
    "/subprocess": lambda: by_subprocess().strip(),
    "/spawn": lambda: by_subprocess(close_fds=False).strip(),
    "/multiprocessing": by_multiprocessing,
    "/pid": lambda: str(os.getpid()),
}


def app(environ, start_response):
    """Answer with a line, or with a file."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    if environ["PATH_INFO"] == "/file":
        file = tempfile.TemporaryFile()  # noqa: SIM115 - the server closes it
        file.truncate(FILE_BYTES)
        return environ["wsgi.file_wrapper"](file)
    return [ANSWERS[environ["PATH_INFO"]]().encode()]
