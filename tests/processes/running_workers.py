"""A server with worker processes, and what it tells of them."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable

from admin import Admin
from client import PATIENCE_SECONDS, Connection, request
from server import Server


class Workers:
    """A running server with worker processes."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.admin = Admin(server)

    def all(self) -> list[dict]:
        """What the status page tells of the worker processes."""
        return self.admin.statusz()["workers"]

    def ready(self) -> dict[int, int]:
        """The pids of the workers that are ready, by number."""
        return {it["number"]: it["pid"] for it in self.all() if it["state"] == "ready"}

    def until(self, is_so: Callable[[list[dict]], bool]) -> list[dict]:
        """Wait until the workers are as they will be by themselves."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_so(workers := self.all()):
            assert time.monotonic() < deadline, f"{workers}\n{self.server.log}"
            time.sleep(0.02)
        return workers

    def until_ready(self, count: int, without: int = 0) -> dict[int, int]:
        """Wait until so many workers are ready, and the process `without` is gone."""
        self.until(
            lambda workers: (
                [it["state"] for it in workers] == ["ready"] * count
                and all(it["pid"] != without for it in workers)
            )
        )
        return self.ready()

    def ask(self, target: str = "/") -> dict:
        """Ask on a connection of its own."""
        with self.server.connect() as connection:
            return json.loads(connection.ask(request(target)).body)

    def connect_to(self, pid: int) -> Connection:
        """Open a keep-alive connection that the worker of this pid has."""
        for _ in range(1000):
            connection = self.server.connect()
            if json.loads(connection.ask(request("/")).body)["pid"] == pid:
                return connection
            connection.close()
        raise AssertionError(f"worker {pid} never accepts a connection")

    def metrics(self) -> dict[str, float]:
        """Every series of a scrape."""
        text = self.admin.ask("/metrics").body.decode()
        return {name: float(value) for name, value in re.findall(r"^(\w.*) (\S+)$", text, re.M)}

    def sum(self, name: str, *labels: str) -> float:
        """The sum of all series of that name that have these labels."""
        series = self.metrics().items()
        return sum(
            value
            for own, value in series
            if own.startswith(name + "{") and all(label in own for label in labels)
        )
