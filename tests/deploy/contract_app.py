"""An application that reports what its process may do, and reads request bodies."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

FOLDERS = ("/", "/tmp", "/etc")  # noqa: S108


def may_write(folder: str) -> bool:
    """Whether a file can be made in the folder."""
    probe = Path(folder) / "probe"
    try:
        probe.write_bytes(b"")
        probe.unlink()
    except OSError:
        return False
    return True


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer with the facts."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    body = environ["wsgi.input"].read()
    facts = {
        "pid": os.getpid(),
        "user": os.getuid(),
        "capabilities": [line.split()[1] for line in status.splitlines() if line[:3] == "Cap"],
        "writes": {folder: may_write(folder) for folder in FOLDERS},
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    answer = json.dumps(facts).encode()
    start_response("200 OK", [("Content-Length", str(len(answer)))])
    return [answer]
