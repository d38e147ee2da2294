"""What the clients of a round have sent, and what became of it. Each request is there once."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum


class Outcome(Enum):
    """How a request ended for its client."""

    UNDER_WAY = "under way"
    ANSWERED = "answered"
    CUT = "cut short"
    LOST = "lost"
    LEFT = "left by its client"


@dataclass
class Sent:
    """A request, or the beginning of one."""

    identity: str
    client: str
    head: bytes
    connection: int = 0
    """Which one of its client's."""
    body_bytes: int = 0
    is_named: bool = True
    """Whether the server can know its identity, from a valid request line."""
    outcome: Outcome = Outcome.UNDER_WAY
    status: int | None = None
    pid: int | None = None
    """The process that answered."""
    answer_bytes: int | None = None
    """The size of the body, where the client has read all of it."""
    told: str = ""
    """What the client saw, in words."""

    def answered(self, status: int, pid: int | None = None, size: int | None = None) -> None:
        """The client has read the whole response."""
        self.outcome, self.status, self.pid = Outcome.ANSWERED, status, pid
        self.answer_bytes = size

    def ended(self, outcome: Outcome, status: int | None = None, told: str = "") -> None:
        """There was no whole response."""
        self.outcome, self.status, self.told = outcome, status, told

    def __str__(self) -> str:
        status = "" if self.status is None else f" {self.status}"
        told = f" ({self.told})" if self.told else ""
        return f"{self.identity} of {self.client}: {self.outcome.value}{status}{told} {self.head!r}"


@dataclass
class Ledger:
    """What all clients of a round have done."""

    requests: dict[str, Sent] = field(default_factory=dict)
    connections: int = 0
    problems: list[str] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    """How often each kind of client did what it does."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def sends(self, sent: Sent) -> Sent:
        """Write down a request, before its first byte is sent."""
        with self._lock:
            assert sent.identity not in self.requests
            self.requests[sent.identity] = sent
        return sent

    def connected(self) -> None:
        """A client has a connection."""
        with self._lock:
            self.connections += 1

    def did(self, what: str) -> None:
        """A client has done what it does."""
        with self._lock:
            self.done[what] += 1

    def accuse(self, problem: str) -> None:
        """Something is not as it should be."""
        with self._lock:
            self.problems.append(problem)

    @property
    def answers(self) -> int:
        """How many requests have been answered."""
        with self._lock:
            requests = list(self.requests.values())
        return sum(it.outcome is Outcome.ANSWERED for it in requests)
