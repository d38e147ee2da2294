"""Starts a server, waits until it listens, and stops all of its processes."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType

from ports import free_port

from gauge import process_tree
from gauge.scenarios import Scenario
from gauge.servers import BENCH, Places, Server

STOP_SECONDS = 5


class CellError(Exception):
    """This server cannot be measured in this scenario, and why."""


class Running:
    """A server that listens, from entering the context to leaving it.

    Everything that it writes goes to a log in `scratch`, whose end is quoted when it fails.
    `wrapper` comes before its command line: taskset, or valgrind.
    """

    def __init__(
        self,
        server: Server,
        scenario: Scenario,
        places: Places,
        scratch: str,
        wrapper: tuple[str, ...] = (),
        patience: float = 15,
    ):
        self.port = free_port()
        self.command = [*wrapper, *places.command(server, scenario, self.port, scratch)]
        self.patience = patience
        self.log = Path(scratch) / f"log-{self.port}"
        # Both environments see the same Flask and Django: those installed beside the peers.
        packages = map(str, places.peers.glob("lib/python3*/site-packages"))
        self.environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(BENCH / "apps"), *packages]),
            "PYTHONHASHSEED": "0",
        }

    def __enter__(self) -> Running:
        with self.log.open("wb") as log:
            try:
                self.process = subprocess.Popen(
                    self.command,
                    cwd=BENCH / "apps",
                    env=self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            except OSError as e:
                raise CellError(f"cannot start: {e}") from e
        self.pid = self.process.pid
        try:
            self._wait_until_it_listens()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + self.patience
        while not process_tree.listens(self.port):
            if self.process.poll() is not None:
                raise CellError(f"ended with {self.process.returncode}: {self.log_end()}")
            if time.monotonic() > deadline:
                raise CellError(f"did not listen in {self.patience} s: {self.log_end()}")
            time.sleep(0.02)

    def log_end(self, size: int = 300) -> str:
        """The last bytes of what it wrote, in one line."""
        return " ".join(self.log.read_bytes()[-size:].decode("utf-8", "replace").split())

    def stop(self) -> None:
        """Ask it to end, and kill what is left of its session after a while."""
        pids = process_tree.members(self.pid)
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(max(STOP_SECONDS, self.patience / 2))
            except subprocess.TimeoutExpired:
                self.process.kill()
        for pid in pids:
            try:
                if os.getsid(pid) == self.pid:
                    os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait()
