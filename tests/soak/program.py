"""The server of an act: its process and those of its workers, its logs and its metrics."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from client import PATIENCE_SECONDS, Connection, request
from server import without_settings

HERE = Path(__file__).parent
SERIES = re.compile(r"^(\w[^ ]*(?:\{.*\})?) (\S+)$", re.MULTILINE)
SHOWN_LINES = 60
ON_PURPOSE = ("rejected a request", "the application ")
STATES = ("starting", "ready", "retiring")

Metrics = dict[str, float]


class NeverError(Exception):
    """The server does not become what it should become by itself."""


class Program:
    """A running server. `folder` has its log, its access log and its temporary files."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.log = folder / "server.log"
        self.access_log = folder / "log" / "access.log"
        self.spool = folder / "spool"
        for directory in (self.access_log.parent, self.spool):
            directory.mkdir(parents=True, exist_ok=True)
        command = [
            *(sys.executable, "-m", "maitred", "--listen=127.0.0.1:0"),
            *("--admin-listen=127.0.0.1:0", f"--temp-dir={self.spool}"),
            *(f"--access-log={self.access_log}", "--access-log-format=json", "--log-format=json"),
            *(f"--python-path={HERE}", *arguments, "application:app"),
        ]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env=without_settings(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.address = self._address(r"serving on http://127\.0\.0\.1:(\d+) with")
        self.admin = self._address(r"probes, metrics and status on http://127\.0\.0\.1:(\d+)")

    def _address(self, pattern: str) -> tuple[str, int]:
        found: list[re.Match[str]] = []

        def is_said() -> bool:
            found[:] = re.finditer(pattern, self.log.read_text())
            return bool(found) or self.process.poll() is not None

        self.until(is_said, pattern)
        if not found:
            raise NeverError(f"ended with {self.process.returncode}: {self.log_end()}")
        return "127.0.0.1", int(found[0][1])

    # What it tells.

    def ask_admin(self, target: str) -> bytes:
        """The page of the admin listener."""
        with Connection(self.admin) as connection:
            return connection.ask(request(target, host="localhost")).body

    def metrics(self) -> Metrics:
        """Every series of a scrape."""
        text = self.ask_admin("/metrics").decode()
        return {name: float(value) for name, value in SERIES.findall(text)}

    def workers(self) -> dict[int, int]:
        """The pids of the workers that are ready, by number."""
        workers = json.loads(self.ask_admin("/statusz")).get("workers", [])
        return {it["number"]: it["pid"] for it in workers if it["state"] == "ready"}

    def is_at_rest(self) -> bool:
        """Whether every process is there that should be, and no other one."""
        metrics = self.metrics()
        states = [f'maitred_workers{{worker="supervisor",state="{it}"}}' for it in STATES]
        starting, ready, retiring = (metrics.get(it, 0) for it in states)
        limit = metrics.get('maitred_workers_limit{worker="supervisor"}', 0)
        return (starting, ready, retiring) == (0, limit, 0)

    def pids(self) -> dict[str, int]:
        """Every process of ours that is there all the time: the first one, and its workers."""
        return {"main": self.process.pid} | {
            f"worker {number}": pid for number, pid in self.workers().items()
        }

    def records(self) -> list[dict]:
        """Every line of the log; an interpreter that dies writes some that are no records."""
        records = []
        for line in self.log.read_text(errors="replace").splitlines():
            try:
                records.append(json.loads(line))
            except ValueError:
                records.append({"message": line})
        return records

    def log_end(self) -> str:
        """The last lines of the log, without what clients and the application do on purpose."""
        told = [str(it) for it in self.records() if not it["message"].startswith(ON_PURPOSE)]
        return "\n".join(told[-SHOWN_LINES:])

    def take_lines(self) -> list[str]:
        """The lines of the access log that were written since the last round, also before moves."""
        files = sorted(self.access_log.parent.glob("access.log*"))
        return [line for file in files for line in file.read_text("utf-8", "replace").splitlines()]

    def clear_logs(self) -> None:
        """Forget what has been looked at. Nothing may be writing."""
        for file in self.access_log.parent.glob("access.log.*"):
            file.unlink()
        for file in (self.access_log, self.log):
            if file.exists():
                file.open("r+b").truncate(0)

    # What is done to it.

    def signal(self, number: int) -> None:
        """Signal the process that was started."""
        self.process.send_signal(number)

    def until(self, is_so: Callable[[], bool], what: str) -> None:
        """Wait until it is so, which it will be by itself."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_so():
            if time.monotonic() > deadline:
                raise NeverError(f"never: {what}\n{self.log_end()}")
            time.sleep(0.05)

    def end(self) -> int:
        """Ask it to end, and return its status."""
        self.signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_SECONDS)

    def kill(self) -> None:
        """End it, whatever it does; its workers end by themselves."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
