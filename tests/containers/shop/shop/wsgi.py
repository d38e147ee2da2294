"""The application of a user: it tells who answers and who asked, waits, and grows, when asked."""

from __future__ import annotations

import hashlib
import os
import platform
from pathlib import Path

import bottle

FOLDERS = ("/", "/tmp", "/etc/maitred", "/opt/venv", "/srv/app")  # noqa: S108

application = bottle.Bottle()

grown: list[bytearray] = []


def may_write(folder: str) -> bool:
    """Whether a file can be made in the folder."""
    probe = Path(folder) / "probe"
    try:
        probe.write_bytes(b"")
        probe.unlink()
    except OSError:
        return False
    return True


@application.route("/", method=["GET", "POST"])
def facts() -> dict[str, object]:
    """Tell which process answers and what it may do, and what it knows of the request."""
    status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    environ = bottle.request.environ
    return {
        "host": platform.node(),
        "pid": os.getpid(),
        "worker": os.environ.get("MAITRED_WORKER"),
        "user": os.getuid(),
        "group": os.getgid(),
        "groups": os.getgroups(),
        "capabilities": [line.split()[1] for line in status if line.startswith("Cap")],
        "no_new_privileges": "NoNewPrivs:\t1" in status,
        "writes": {folder: may_write(folder) for folder in FOLDERS},
        "sha256": hashlib.sha256(environ["wsgi.input"].read()).hexdigest(),
        "client": environ["REMOTE_ADDR"],
        "scheme": environ["wsgi.url_scheme"],
    }


@application.get("/wait")
def wait() -> str:
    """Wait until the test has opened and closed its end of the pipe that it has mounted."""
    return Path("/srv/gate/pipe").read_text(encoding="ascii")


@application.post("/grow/<mebibytes:int>")
def grow(mebibytes: int) -> str:
    """Need so much more memory from now on."""
    grown.append(bytearray(os.urandom(1024)) * (mebibytes << 10))
    return "grown"
