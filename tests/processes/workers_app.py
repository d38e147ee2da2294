"""An application that tells which process answers, and that dies or waits when asked."""

from __future__ import annotations

import json
import os
import signal
import sys

from gate import WAITS

exec(WAITS)  # noqa: S102 - it defines wait_at_the_gate, for applications outside the tests, too

SECRET = hash("differs in every process")


def app(environ, start_response):
    """Answer with what a test wants to know of this process."""
    path = environ["PATH_INFO"]
    if path == "/wait":
        wait_at_the_gate()  # noqa: F821
    elif path == "/crash":
        signal.raise_signal(signal.SIGSEGV)
    elif path == "/exit":
        os._exit(3)
    about = {
        "pid": os.getpid(),
        "ppid": os.getppid(),
        "number": os.environ.get("MAITRED_WORKER"),
        "hash": SECRET,
        "argv": sys.argv,
        "multiprocess": environ["wsgi.multiprocess"],
        "notify": os.environ.get("NOTIFY_SOCKET"),
        "request_id": environ.get("maitred.request_id"),
    }
    body = json.dumps(about).encode()
    start_response(
        "200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    )
    return [body]
