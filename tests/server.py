"""Runs the installed program in a process, and reads its log."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from client import PATIENCE_SECONDS, Connection

if sys.platform == "win32":
    ASK_TO_END = signal.CTRL_BREAK_EVENT
    # The event goes to a whole group of processes, and must not reach the tests themselves.
    GROUP = subprocess.CREATE_NEW_PROCESS_GROUP
else:
    ASK_TO_END = signal.SIGTERM
    GROUP = 0


class Server:
    """A running program. Its standard error is read as it comes, and kept."""

    def __init__(
        self,
        command: Sequence[str],
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        descriptors: Sequence[int] = (),
        stdin: int = subprocess.DEVNULL,
    ) -> None:
        self.process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**without_settings(), "PYTHONUNBUFFERED": "1", **(env or {})},
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=descriptors,
            creationflags=GROUP,
        )
        self._changed = threading.Condition()
        self._text = {"out": "", "err": ""}
        self._open = 2
        self._readers = [
            threading.Thread(target=self._read, args=(name, stream), daemon=True)
            for name, stream in (("out", self.process.stdout), ("err", self.process.stderr))
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, name: str, stream) -> None:
        with stream:
            while data := stream.read1():
                with self._changed:
                    self._text[name] += data.decode("utf-8", "replace")
                    self._changed.notify_all()
        with self._changed:
            self._open -= 1
            self._changed.notify_all()

    @property
    def log(self) -> str:
        """All that it wrote to standard error so far."""
        return self._text["err"]

    @property
    def output(self) -> str:
        """All that it wrote to standard output so far."""
        return self._text["out"]

    def wait_for(self, pattern: str, seconds: float = PATIENCE_SECONDS) -> re.Match[str]:
        """Wait until the log matches, and return the match; the log is in the error if not."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while not (match := re.search(pattern, self.log)):
                left = deadline - time.monotonic()
                if self._open == 0 or left <= 0:
                    raise AssertionError(f"no {pattern!r} in the log:\n{self.log}")
                self._changed.wait(left)
            return match

    @property
    def urls(self) -> list[str]:
        """Every address that it says it serves on: `http://host:port` or `unix:path`."""
        match = self.wait_for(r"serving on (\S+(?:, \S+)*) with ")
        return match[1].split(", ")

    @property
    def url(self) -> str:
        """The first TCP address, as `http://host:port`."""
        return next(url for url in self.urls if url.startswith("http://"))

    @property
    def address(self) -> tuple[str, int]:
        """The first TCP address, as host and port."""
        host, port = self.url.removeprefix("http://").rsplit(":", 1)
        return host.strip("[]"), int(port)

    def connect(
        self, timeout: float = PATIENCE_SECONDS, receive_buffer: int | None = None
    ) -> Connection:
        """Open a strict connection to the first address that it says it serves on."""
        address = self.urls[0]
        if address.startswith("unix:"):
            return Connection(address.removeprefix("unix:"), timeout, receive_buffer)
        return Connection(self.address, timeout, receive_buffer)

    def signal(self, number: int = ASK_TO_END) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def insist(self, *numbers: int) -> int:
        """Send the signals again and again, as people do, until it ends; return its status."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            for number in numbers or (ASK_TO_END,):
                self.signal(number)
            try:
                self.process.wait(0.05)
                return self.wait()
            except subprocess.TimeoutExpired:
                pass
        raise AssertionError(f"signals did not end it:\n{self.log}")

    def insist_until(self, pattern: str, pause: float = 0.05) -> None:
        """Ask it to end again and again, `pause` seconds apart, until the log matches."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        with self._changed:
            while not re.search(pattern, self.log):
                if self._open == 0 or time.monotonic() > deadline:
                    raise AssertionError(f"no {pattern!r} in the log:\n{self.log}")
                self.signal()
                self._changed.wait_for(lambda: re.search(pattern, self.log), pause)

    def wait(self, seconds: float = PATIENCE_SECONDS) -> int:
        """Wait for its end and for the end of its log, and return its exit status."""
        status = self.process.wait(seconds)
        for reader in self._readers:
            reader.join(seconds)
        return status

    def stop(self) -> int:
        """Ask it to end, and return its exit status."""
        if self.process.poll() is None:
            self.signal()
        return self.wait()

    def leave(self) -> None:
        """End it as an administrator would, unless it has ended; it has to end well (status 0)."""
        if self.process.poll() is None:
            status = self.stop()
            assert status == 0, f"ended with status {status}"

    def close(self) -> None:
        """End it, however it feels about that."""
        if self.process.poll() is None:
            self.process.kill()
        self.wait()


def without_settings() -> dict[str, str]:
    """The environment without what would decide how a server behaves that a test starts."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("MAITRED_") and name not in {"PORT", "WEB_CONCURRENCY"}
    }


def command(*arguments: str) -> list[str]:
    """Return the command line of the installed program under this interpreter."""
    return [sys.executable, "-m", "maitred", *arguments]


def end(servers: list[Server]) -> None:
    """Let all of them leave as they should, and none stay. pytest shows the logs of failures."""
    try:
        for server in servers:
            server.leave()
    finally:
        for server in servers:
            server.close()
            sys.stdout.write(f"status {server.process.returncode}, and its log:\n{server.log}\n")
