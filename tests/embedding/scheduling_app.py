"""An application with short and long computations, and a background thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

ticks = 0


def tick() -> None:
    """Count for as long as the interpreter lets this thread run."""
    global ticks
    while True:
        ticks += 1
        time.sleep(0)


threading.Thread(target=tick, daemon=True).start()


def application(environ: dict, start_response) -> Iterable[bytes]:
    """Compute for a while at `/long`, tell the count at `/ticks`, and greet anywhere else."""
    body = b"hello"
    if environ["PATH_INFO"] == "/long":
        body = str(sum(range(5_000))).encode()
    elif environ["PATH_INFO"] == "/ticks":
        body = str(ticks).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
