"""A client of the admin listener."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any

from client import PATIENCE_SECONDS, Connection, Response, request
from server import Server


class Admin:
    """Asks the admin listener of a server that was started with ``--admin-listen=127.0.0.1:0``."""

    def __init__(self, server: Server) -> None:
        match = server.wait_for(r"probes, metrics and status on http://127\.0\.0\.1:(\d+)")
        self.address = ("127.0.0.1", int(match[1]))

    def ask(self, target: str, method: str = "GET") -> Response:
        """Ask on a connection of its own, as a kubelet does."""
        with Connection(self.address) as connection:
            connection.send(request(target, method, host="localhost"))
            return connection.read(method)

    def status(self, target: str) -> int:
        """The status of a probe."""
        return self.ask(target).status

    def statusz(self, query: str = "") -> dict[str, Any]:
        """What the server tells about itself."""
        return json.loads(self.ask(f"/statusz{query}").body)

    def metric(self, series: str) -> float:
        """The value of a series, written as in a scrape: name and labels besides ``worker``."""
        name, _, labels = series.partition("{")
        labels = 'worker="0"' + ("," + labels.removesuffix("}") if labels else "")
        text = self.ask("/metrics").body.decode()
        match = re.search(rf"^{re.escape(f'{name}{{{labels}}}')} (\S+)$", text, re.MULTILINE)
        assert match, f"no {name}{{{labels}}} in\n{text}"
        return float(match[1])

    def until(self, series: str, value: float) -> None:
        """Wait until a series has a value, which it will reach by itself."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (found := self.metric(series)) != value:
            assert time.monotonic() < deadline, f"{series} is {found}, and never {value}"
            time.sleep(0.01)

    def until_thread(self, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until the only thread is as it will be by itself, and tell of it and its stack."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            (thread,) = self.statusz("?stacks=1")["threads"]
            if is_so(thread):
                return thread
            assert time.monotonic() < deadline, thread
            time.sleep(0.01)
