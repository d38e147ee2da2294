"""A scrape every second, as of Prometheus: what only grows never goes back."""

from __future__ import annotations

import re
import threading

from client import ResponseError

from soak.program import Metrics, Program

EVERY_SECONDS = 1.0
GROWS = re.compile(r"^\w+_(total|bucket|count|sum)(\{|$)")


def went_back(before: Metrics, after: Metrics) -> list[str]:
    """The counters that are smaller than before, or gone."""
    return [
        f"{name} was {value:g} and is {after.get(name, 'gone')}"
        for name, value in before.items()
        if GROWS.match(name) and after.get(name, -1.0) < value
    ]


class Scraper:
    """Scrapes until it is told to stop, in a thread."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.problems: list[str] = []
        self.count = 0
        self._is_over = threading.Event()
        self.between = threading.Lock()
        """Held during a scrape; whoever holds it sees the server without one."""
        self._thread = threading.Thread(target=self._run, name="scraper")
        self._thread.start()

    def _run(self) -> None:
        last: Metrics = {}
        while not self._is_over.wait(EVERY_SECONDS):
            try:
                with self.between:
                    metrics = self.program.metrics()
                    alive = self.program.ask_admin("/livez")
            except (OSError, ResponseError) as error:
                self.problems.append(f"scrape {self.count}: {error!r}")
                return
            if alive != b"ok\n":
                self.problems.append(f"/livez said {alive!r}")
            self.problems += went_back(last, metrics)
            last = metrics
            self.count += 1

    def stop(self) -> None:
        """Stop, and wait for the end of the last scrape."""
        self._is_over.set()
        self._thread.join()
