"""Containers of podman, in a storage of their own below `target/`, addressed as a cluster does.

Each has an address of its own on podman's bridge: what listens in it is asked there, at its own
ports, from outside. `tests/containers/build` makes the storage and the images.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from client import PATIENCE_SECONDS, Connection, Response, request

ROOT = Path(__file__).resolve().parents[2]
STORAGE = ROOT / "target" / "containers"

#: The ports that the image and the manifests say, for the application and for probes.
HTTP, ADMIN = 8080, 9090

#: The bridge that all of them are at.
NETWORK = "maitred"

#: Longer than any drain of the manifests, so that a kill by podman is a failure.
STOP_SECONDS_MAX = 90

ENVIRONMENT = {
    **os.environ,
    "CONTAINERS_CONF": str(STORAGE / "containers.conf"),
    "CONTAINERS_STORAGE_CONF": str(STORAGE / "storage.conf"),
    "TMPDIR": str(STORAGE / "cache"),
}


def tried(*arguments: str | Path, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run podman to its end."""
    if not (STORAGE / "containers.conf").exists():
        pytest.fail("there are no images: `make test-containers` builds them")
    return subprocess.run(
        ["podman", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        cwd=STORAGE,  # where conmon leaves a file when the memory of a container has run out
        timeout=STOP_SECONDS_MAX + PATIENCE_SECONDS,
        check=False,
    )


def podman(*arguments: str | Path, stdin: str | None = None) -> str:
    """Run podman and return its output; a failure shows all it said."""
    done = tried(*arguments, stdin=stdin)
    if done.returncode != 0:
        said = f"{done.stdout}{done.stderr}"
        pytest.fail(f"podman {' '.join(map(str, arguments))}: status {done.returncode}\n{said}")
    return done.stdout.strip()


def inspected(kind: str, name: str) -> dict[str, Any]:
    """What podman knows of an `image`, a `container` or a `pod`."""
    found = json.loads(podman(kind, "inspect", name))
    return found[0] if isinstance(found, list) else found


def address_of(container: str) -> str:
    """The address that a container has at the bridge."""
    return inspected("container", container)["NetworkSettings"]["Networks"][NETWORK]["IPAddress"]


def new_name(purpose: str) -> str:
    """A name that nothing has: what is started by it is removed by it."""
    return f"{purpose}-{secrets.token_hex(4)}"


def until(is_so: Callable[[], bool], what: Callable[[], str]) -> None:
    """Wait until it is so, which it will be by itself."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, what()
        time.sleep(0.05)


class Address:
    """Something in a container, or in several with one address, which is asked from outside."""

    def __init__(self, host: str) -> None:
        self.host = host

    def connect(self, port: int = HTTP) -> Connection:
        """Open a connection."""
        return Connection((self.host, port))

    def ask(self, target: str = "/", port: int = HTTP, method: str = "GET", **how: Any) -> Response:
        """Ask on a connection of its own."""
        fields = [("Connection", "close")]
        with self.connect(port) as connection:
            return connection.ask(request(target, method, fields=fields, **how), method)

    def facts(self, **how: Any) -> dict[str, Any]:
        """What the test application tells of itself and of the request."""
        response = self.ask(**how)
        assert response.status == 200, response
        return json.loads(response.body)

    def probe(self, path: str, port: int = ADMIN) -> int:
        """The status of a probe; 0 while nothing listens there."""
        try:
            return self.ask(path, port).status
        except OSError:
            return 0

    def statusz(self) -> dict[str, Any]:
        """What the server tells about itself."""
        return json.loads(self.ask("/statusz", ADMIN).body)


class Container(Address):
    """A container, alone or in a pod."""

    def __init__(self, name: str, host: str) -> None:
        super().__init__(host)
        self.name = name

    @property
    def log(self) -> str:
        """All that it has written, to both of its outputs."""
        done = tried("logs", self.name)
        return done.stdout + done.stderr

    def logged(self) -> list[dict[str, Any]]:
        """Its log, of which every line is JSON."""
        done = tried("logs", self.name)
        # What it wrote to standard error is there with what podman itself has to say.
        lines = [*done.stdout.splitlines(), *done.stderr.splitlines()]
        return [json.loads(line) for line in lines if not line.startswith("time=")]

    def wait_for(self, text: str) -> None:
        """Wait until the log has this text."""
        until(lambda: text in self.log, lambda: f"no {text!r} in the log:\n{self.log}")

    def wait_until_ready(self) -> None:
        """Wait until a kubelet would call it ready."""
        until(lambda: self.probe("/readyz") == 200 or not self.runs, lambda: self.log)
        assert self.runs, self.log

    @property
    def runs(self) -> bool:
        """Whether it has not ended, even if it has been told to."""
        return inspected("container", self.name)["State"]["Status"] in {"running", "stopping"}

    @property
    def status(self) -> int:
        """Its exit status, after its end."""
        assert not self.runs, self.log
        return inspected("container", self.name)["State"]["ExitCode"]

    def being_stopped(self, seconds: int = STOP_SECONDS_MAX) -> subprocess.Popen[bytes]:
        """Begin to stop it, as a runtime does: SIGTERM, and much later SIGKILL."""
        stop = ["podman", "stop", f"--time={seconds}", self.name]
        quiet = subprocess.DEVNULL
        return subprocess.Popen(stop, env=ENVIRONMENT, cwd=STORAGE, stdout=quiet, stderr=quiet)

    def stop(self, seconds: int = STOP_SECONDS_MAX) -> int:
        """Stop it, and return its exit status: 137 if it had to be killed."""
        assert self.being_stopped(seconds).wait() == 0
        return self.status

    def execute(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in it."""
        return tried("exec", self.name, *command)
