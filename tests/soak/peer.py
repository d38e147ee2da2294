"""One client: its connections, the identities of its requests, and what it writes down."""

from __future__ import annotations

import itertools
import random
import threading
from contextlib import suppress
from dataclasses import dataclass

from client import Connection, Response, ResponseError

from soak.ledger import Ledger, Outcome, Sent

SHOWN_BYTES = 200


@dataclass(frozen=True)
class Rules:
    """What a round does to the server, and clients therefore may see."""

    may_lose: bool = False
    """Processes die, with the connections that they have."""
    may_refuse: bool = False
    """There is no room for what clients send or do not read: 503, or a response is broken off."""
    may_lose_lines: bool = False
    """Lines of the access log cannot be written."""


class Attentive(Connection):
    """A connection that remembers the head of a response whose body does not come."""

    last_head: Response | None = None

    def read(self, method: str = "GET") -> Response:
        """Read one response."""
        self.last_head = None
        return super().read(method)

    def read_head(self) -> Response:
        """Read a head."""
        head = super().read_head()
        if head.status >= 200:
            self.last_head = head
        return head


class Peer:
    """A client. It is used by one thread."""

    def __init__(
        self,
        name: str,
        address: tuple[str, int],
        ledger: Ledger,
        rules: Rules,
        chance: random.Random,
        is_over: threading.Event,
    ) -> None:
        self.name, self.address = name, address
        self.ledger, self.rules, self.chance, self.is_over = ledger, rules, chance, is_over
        self.connections = 0
        self._numbers = itertools.count(1)

    def identity(self) -> str:
        """Return an identity that no other request has."""
        return f"{self.name}.{next(self._numbers)}"

    def connect(
        self, kind: type[Attentive] | None = None, receive_buffer: int | None = None
    ) -> Attentive:
        """Connect, which nothing that is done to the server may prevent."""
        connection = (kind or Attentive)(self.address, receive_buffer=receive_buffer)
        self.connections += 1
        self.ledger.connected()
        return connection

    def begin(self, identity: str, head: bytes, body_bytes: int = 0, is_named: bool = True) -> Sent:
        """Write down a request before it is sent."""
        shown = head[:SHOWN_BYTES]
        sent = Sent(identity, self.name, shown, self.connections, body_bytes, is_named)
        return self.ledger.sends(sent)

    @staticmethod
    def send(connection: Attentive, data: bytes) -> None:
        """Send; a server that has refused it, and does not take all of it, may have answered."""
        with suppress(OSError):
            connection.send(data)

    @staticmethod
    def half_close(connection: Attentive) -> None:
        """Say that nothing more will be sent, unless the connection is over."""
        with suppress(OSError):
            connection.half_close()

    def read(self, connection: Attentive, sent: Sent, method: str = "GET") -> Response | None:
        """Read the response of a request; None if there is no whole one, which is written down.

        Whether that is all right is for the caller to judge.
        """
        try:
            response = connection.read(method)
        except TimeoutError:
            sent.ended(Outcome.LOST, told="no answer")
            self.ledger.accuse(f"not answered: {sent}")
        except (OSError, ResponseError) as error:
            head = connection.last_head
            if head is None:
                sent.ended(Outcome.LOST, told=repr(error)[:SHOWN_BYTES])
            else:
                sent.ended(Outcome.CUT, head.status, repr(error)[:SHOWN_BYTES])
        else:
            pid = int(response["X-Pid"]) if "X-Pid" in response else None
            sent.answered(response.status, pid, None if method == "HEAD" else len(response.body))
            if "X-Identity" in response and response["X-Identity"] != sent.identity:
                self.ledger.accuse(f"answer of {response['X-Identity']} to {sent}")
            return response
        return None

    def accuse_unless_lost(self, sent: Sent) -> None:
        """A request has not been answered, which is all right if processes die."""
        if not self.rules.may_lose:
            self.ledger.accuse(f"no whole answer: {sent}")
