"""An application that gets stuck in every way that a real one does.

`/gil?seconds=5` sits in a C function that never lets go of the interpreter's lock, `/wait` in one
that does. When either comes back it leaves a file with its name in the folder it was started in.
"""

from __future__ import annotations

import ctypes
import time
from pathlib import Path
from urllib.parse import parse_qs


def hold_the_lock(seconds: float) -> None:
    """Sleep as a C extension would that forgot to let go of the lock."""
    ctypes.PyDLL(None).usleep(ctypes.c_uint(int(seconds * 1_000_000)))


def app(environ, start_response):
    """Get stuck, or say hello."""
    path = environ["PATH_INFO"].strip("/")
    seconds = float(parse_qs(environ["QUERY_STRING"]).get("seconds", ["0"])[0])
    if path == "gil":
        hold_the_lock(seconds)
        Path(path).touch()
    elif path == "wait":
        time.sleep(seconds)
        Path(path).touch()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]
