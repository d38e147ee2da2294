"""Ordinary clients: each asks for one thing after the other, and knows what is right."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from client import PATIENCE_SECONDS, Field, Response, request

from soak import application
from soak.application import digest, pattern
from soak.ledger import Outcome, Sent
from soak.peer import Attentive, Peer

THINKS_SECONDS = (0.0, 0.01, 0.05, 0.1)
ASKS_ON_A_CONNECTION = 200
UPLOAD_BYTES = (0, 1, 1000, 100_000, 700_000)
CHUNK_BYTES = 60_000


@dataclass(frozen=True)
class Order:
    """A request, and the response that is right."""

    word: str
    identity: str
    method: str = "GET"
    body: bytes = b""
    fields: tuple[Field, ...] = ()
    is_chunked: bool = False
    status: int = 200
    answer: bytes | None = None
    """The body of the response; None if anything will do."""
    is_cut: bool = False
    """Whether the application breaks off."""

    @property
    def head_and_body(self) -> bytes:
        """What is sent."""
        target = f"/{self.word}/{self.identity}"
        if not self.is_chunked:
            return request(target, self.method, self.fields, self.body)
        coding = ("Transfer-Encoding", "chunked")
        pieces = [self.body[at : at + CHUNK_BYTES] for at in range(0, len(self.body), CHUNK_BYTES)]
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
        return request(target, self.method, (*self.fields, coding)) + chunks + b"0\r\n\r\n"


def _upload(identity: str, chance: random.Random) -> Order:
    body = pattern(identity, chance.choice(UPLOAD_BYTES))
    is_chunked = chance.random() < 0.4
    answer = digest(identity, body)
    return Order("upload", identity, "POST", body, is_chunked=is_chunked or not body, answer=answer)


def _gets(word: str, size: int, **how) -> Callable[[str, random.Random], Order]:
    """Asks for a body of that size."""
    return lambda identity, _: Order(word, identity, answer=pattern(identity, size), **how)


ECHO = _gets("echo", application.ECHO_BYTES)
WHOLE = application.ALL_OF_IT_BYTES

#: What is asked for, and how often.
ORDERS: list[tuple[int, Callable[[str, random.Random], Order]]] = [
    (30, ECHO),
    (5, lambda identity, _: Order("echo", identity, "HEAD", answer=b"")),
    (20, _upload),
    (10, _gets("stream", application.STREAM_BYTES)),
    (3, _gets("large", application.LARGE_BYTES)),
    (5, _gets("file", application.FILE_BYTES)),
    (8, _gets("waits", application.ECHO_BYTES)),
    (5, _gets("computes", application.ECHO_BYTES)),
    (1, _gets("calls-c", application.ECHO_BYTES)),
    (3, _gets("missing", application.ECHO_BYTES, status=404)),
    (3, lambda identity, _: Order("no-content", identity, status=204, answer=b"")),
    (2, lambda identity, _: Order("raises", identity, status=500)),
    (1, lambda identity, _: Order("exits", identity, status=500)),
    (2, lambda identity, _: Order("fails-midway", identity, is_cut=True)),
    (2, lambda identity, _: Order("promises-more", identity, is_cut=True)),
    (2, _gets("promises-less", WHOLE)),
    (2, _gets("close-fails", WHOLE)),
]


def some_order(identity: str, chance: random.Random) -> Order:
    """Choose what to ask for."""
    weights, kinds = zip(*ORDERS, strict=True)
    return chance.choices(kinds, weights)[0](identity, chance)


def ask(peer: Peer, connection: Attentive, order: Order) -> bool:
    """Ask, and look at the answer; false when the connection is of no more use."""
    data = order.head_and_body
    sent = peer.begin(order.identity, data, len(order.body))
    peer.send(connection, data)
    return take(peer, connection, order, sent)


def take(peer: Peer, connection: Attentive, order: Order, sent: Sent) -> bool:
    """Read an answer, and look at it; false when the connection is of no more use."""
    response = peer.read(connection, sent, order.method)
    if response is None:
        judge_missing(peer, order, sent)
        return False
    judge(peer, order, sent, response)
    return response.keeps_alive


def judge(peer: Peer, order: Order, sent: Sent, response: Response) -> None:
    """Whether a whole response is the right one."""
    if peer.rules.may_refuse and response.status == 503:
        return
    if order.is_cut:
        peer.ledger.accuse(f"looks whole, and is not: {sent}")
    elif response.status != order.status:
        peer.ledger.accuse(f"{order.status} was expected: {sent} {response.body[:200]!r}")
    elif order.answer is not None and response.body != order.answer:
        seen = f"{len(response.body)} bytes, {response.body[:80]!r}"
        peer.ledger.accuse(f"wrong body, {seen} instead of {len(order.answer)}: {sent}")


def judge_missing(peer: Peer, order: Order, sent: Sent) -> None:
    """Whether there may be no whole response."""
    if sent.outcome is Outcome.CUT and (order.is_cut or peer.rules.may_refuse):
        return
    peer.accuse_unless_lost(sent)


def keeps_alive(peer: Peer) -> None:
    """Ask many times on one connection."""
    with peer.connect() as connection:
        for _ in range(ASKS_ON_A_CONNECTION):
            if peer.is_over.wait(peer.chance.choice(THINKS_SECONDS)):
                return
            if not ask(peer, connection, some_order(peer.identity(), peer.chance)):
                return


def asks_once(peer: Peer) -> None:
    """Ask on a connection of its own, with and without saying so."""
    order = some_order(peer.identity(), peer.chance)
    if peer.chance.random() < 0.5:
        order = Order(**{**vars(order), "fields": (("Connection", "close"),)})
    with peer.connect() as connection:
        ask(peer, connection, order)


def ask_for_all(peer: Peer, orders: list[Order], then: Callable[[Attentive], None]) -> None:
    """Send several requests at once, do something, and read the answers in their order."""
    with peer.connect() as connection:
        requests = [(order, peer.begin(order.identity, order.head_and_body)) for order in orders]
        peer.send(connection, b"".join(order.head_and_body for order in orders))
        then(connection)
        for order, sent in requests:
            take(peer, connection, order, sent)


def pipelines(peer: Peer) -> None:
    """Do not wait for the answer to one request before the next one is sent."""
    count = peer.chance.randrange(2, 20)
    orders = [ECHO(peer.identity(), peer.chance) for _ in range(count)]
    ask_for_all(peer, orders, then=lambda _: None)


def half_closes(peer: Peer) -> None:
    """Say that nothing more will be sent, and read the answers."""
    orders = [ECHO(peer.identity(), peer.chance) for _ in range(2)]
    ask_for_all(peer, orders, then=Peer.half_close)


def expects(peer: Peer) -> None:
    """Wait to be told to go on before the body is sent."""
    identity = peer.identity()
    body = pattern(identity, 1000)
    fields = (("Expect", "100-continue"), ("Content-Length", str(len(body))))
    order = Order("upload", identity, "POST", body, fields, answer=digest(identity, body))
    head = request(f"/upload/{identity}", "POST", fields)
    with peer.connect() as connection:
        sent = peer.begin(identity, head, len(body))
        peer.send(connection, head)
        with suppress(ConnectionError):  # what comes instead is judged with the answer
            if not connection.is_silent(PATIENCE_SECONDS):
                connection.send(body)
        take(peer, connection, order, sent)


def speaks_the_old_version(peer: Peer) -> None:
    """Ask in HTTP/1.0, where the connection ends with the response."""
    order = ECHO(peer.identity(), peer.chance)
    data = order.head_and_body.replace(b"HTTP/1.1", b"HTTP/1.0")
    with peer.connect() as connection:
        sent = peer.begin(order.identity, data)
        peer.send(connection, data)
        take(peer, connection, order, sent)


#: How many of each kind ask at the same time.
ORDINARY: dict[Callable[[Peer], None], int] = {
    keeps_alive: 8,
    asks_once: 4,
    pipelines: 1,
    half_closes: 1,
    expects: 1,
    speaks_the_old_version: 1,
}
