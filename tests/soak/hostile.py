"""Clients that misbehave, each in its own way. What they see is written down like everybody's.

They wait on purpose, but nothing depends on how long: whoever is still waiting when the round is
over leaves.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from client import request

from soak.application import STREAM_BYTES, pattern
from soak.clients import ECHO, Order, take
from soak.ledger import Outcome, Sent
from soak.peer import Attentive, Peer

DRIP_SECONDS = 0.1
SMALL_BUFFER_BYTES = 4096
FLOOD = 20
UNREAD = 30

TLS_HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(range(190))

#: What is no request line, so that nobody can know whose it is; each gets an answer.
GARBAGE = (
    b"\x00\x01\x02\r\n\r\n",
    TLS_HELLO + b"\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET  /two-spaces HTTP/1.1\r\nHost: test\r\n\r\n",
    b"GET /bare-line-feed HTTP/1.1\nHost: test\n\n",
    b"GE T / HTTP/1.1\r\nHost: test\r\n\r\n",
    b"GET / HTTP/1.1 more\r\nHost: test\r\n\r\n",
    b"\xff\xfe / HTTP/1.1\r\n\r\n",
)

#: Field lines that make a request with a good request line a bad one.
BAD_FIELDS = (
    b"",
    b"Host: one\r\nHost: two\r\n",
    b"Host: test\r\nno colon\r\n",
    b"Host: test\r\nSpaced : name\r\n",
    b"Host: test\r\n Folded: line\r\n",
    b"Host: test\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    b"Host: test\r\nContent-Length: 5\r\nContent-Length: 6\r\n",
    b"Host: test\r\nContent-Length: -1\r\n",
    b"Host: test\r\nTransfer-Encoding: gzip\r\n",
    b"Host: test\r\nNul: \x00\r\n",
    b"Host: test\r\nBig: " + b"x" * 300_000 + b"\r\n",
)


def refused(peer: Peer, connection: Attentive, sent: Sent) -> None:
    """Read the refusal, and the end of the connection after it."""
    response = peer.read(connection, sent)
    if response is None:
        peer.accuse_unless_lost(sent)
    elif not 400 <= response.status < 600:
        peer.ledger.accuse(f"was not refused: {sent}")
    else:
        peer.half_close(connection)
        leave_at_the_end(peer, connection, sent)


def leave_at_the_end(peer: Peer, connection: Attentive, sent: Sent) -> None:
    """Nothing may come after a response that is the last."""
    try:
        if rest := connection.read_rest():
            peer.ledger.accuse(f"{len(rest)} bytes after the last answer: {sent}")
    except TimeoutError:
        peer.ledger.accuse(f"the connection does not end: {sent}")
    except OSError:
        pass  # a reset is an end, too


def drip(peer: Peer, connection: Attentive, sent: Sent, drops: Iterable[bytes]) -> None:
    """Send drop after drop until the server has had enough, or the round is over."""
    try:
        for drop in drops:
            if peer.is_over.is_set():
                sent.ended(Outcome.LEFT)
                return
            if not connection.is_silent(DRIP_SECONDS):
                break
            connection.send(drop)
    except OSError:
        pass  # then there is an answer, or processes may die
    refused(peer, connection, sent)


def repeated(drop: bytes) -> Iterator[bytes]:
    """The same for ever."""
    while True:
        yield drop


def drips_a_head(peer: Peer) -> None:
    """Send the fields of a head slowly; or the request line, of which nobody knows the rest."""
    identity = peer.identity()
    line = f"GET /echo/{identity} HTTP/1.1\r\n".encode()
    is_named = peer.chance.random() < 0.5
    first, drop = (line + b"Host: test\r\n", b"A: b\r\n") if is_named else (b"GET /", b"x")
    with peer.connect() as connection:
        sent = peer.begin(identity, first, is_named=is_named)
        peer.send(connection, first)
        drip(peer, connection, sent, repeated(drop))


def drips_a_body(peer: Peer) -> None:
    """Send a body slowly, in one of the ways of framing it."""
    framing, first, drop = peer.chance.choice(
        [
            (("Content-Length", "1000000"), b"", b"x"),
            (("Transfer-Encoding", "chunked"), b"", b"1\r\nx\r\n"),
            (("Transfer-Encoding", "chunked"), b"1;", b"x"),
            (("Transfer-Encoding", "chunked"), b"0\r\n", b"A: b\r\n"),
        ]
    )
    identity = peer.identity()
    head = request(f"/upload/{identity}", "POST", [framing])
    with peer.connect() as connection:
        sent = peer.begin(identity, head)
        peer.send(connection, head + first)
        drip(peer, connection, sent, repeated(drop))


def never_reads(peer: Peer) -> None:
    """Ask for much, and do not read it."""
    identity = peer.identity()
    head = request(f"/large/{identity}")
    with peer.connect(receive_buffer=SMALL_BUFFER_BYTES) as connection:
        sent = peer.begin(identity, head)
        peer.send(connection, head)
        peer.is_over.wait(peer.chance.choice([1, 5, 30]))
        sent.ended(Outcome.LEFT)


def pipelines_and_never_reads(peer: Peer) -> None:
    """Ask for one thing after the other, and do not read any of it."""
    with peer.connect(receive_buffer=SMALL_BUFFER_BYTES) as connection:
        for _ in range(UNREAD):
            identity = peer.identity()
            head = request(f"/stream/{identity}")
            peer.begin(identity, head).ended(Outcome.LEFT)
            peer.send(connection, head)
        peer.is_over.wait(peer.chance.choice([1, 5, 30]))


class Leisurely(Attentive):
    """It pauses before each receive."""

    def _receive(self) -> bool:
        time.sleep(0.02)
        return super()._receive()


def reads_slowly(peer: Peer) -> None:
    """Take a long time for a response, and get all of it."""
    identity = peer.identity()
    order = Order("stream", identity, answer=pattern(identity, STREAM_BYTES))
    with peer.connect(Leisurely, SMALL_BUFFER_BYTES) as connection:
        sent = peer.begin(identity, order.head_and_body)
        peer.send(connection, order.head_and_body)
        take(peer, connection, order, sent)


def sends_garbage(peer: Peer) -> None:
    """Send what is no request; it is told so."""
    data = peer.chance.choice(GARBAGE)
    with peer.connect() as connection:
        sent = peer.begin(peer.identity(), data, is_named=False)
        peer.send(connection, data)
        refused(peer, connection, sent)


def smuggles(peer: Peer) -> None:
    """Send a request that one server may read otherwise than another."""
    identity = peer.identity()
    fields = peer.chance.choice(BAD_FIELDS)
    head = f"POST /upload/{identity} HTTP/1.1\r\n".encode() + fields + b"\r\n"
    with peer.connect() as connection:
        sent = peer.begin(identity, head)
        hidden = request(f"/echo/hidden-behind-{identity}")
        peer.send(connection, head + b"5\r\nhello\r\n0\r\n\r\n" + hidden)
        refused(peer, connection, sent)


def sends_too_much(peer: Peer) -> None:
    """Send a larger body than is allowed, to the end."""
    identity = peer.identity()
    head = request(f"/upload/{identity}", "POST", [("Content-Length", "20000000")])
    with peer.connect() as connection:
        sent = peer.begin(identity, head)
        peer.send(connection, head + b"x" * 20_000_000)
        refused(peer, connection, sent)


def half_closes_in_a_body(peer: Peer) -> None:
    """Say that nothing more will be sent, although something has to be."""
    identity = peer.identity()
    head = request(f"/upload/{identity}", "POST", [("Content-Length", "1000")])
    with peer.connect() as connection:
        sent = peer.begin(identity, head)
        peer.send(connection, head + b"not a thousand bytes")
        peer.half_close(connection)
        refused(peer, connection, sent)


def resets(peer: Peer) -> None:
    """Break off at any point."""
    identity = peer.identity()
    word = peer.chance.choice(["echo", "stream", "large", "waits", "upload"])
    data = request(f"/{word}/{identity}", "POST", body=pattern(identity, 5000))
    data = data[: peer.chance.choice([0, 1, 10, 60, 200, 5000, len(data)])]
    connection = peer.connect()
    if data:
        is_named = b"\r\n" in data
        peer.begin(identity, data, is_named=is_named).ended(Outcome.LEFT)
        peer.send(connection, data)
    peer.is_over.wait(peer.chance.choice([0, 0.01, 0.1]))
    if peer.chance.random() < 0.5:
        connection.close()
    else:
        connection.reset()


def says_nothing(peer: Peer) -> None:
    """Connect, and be silent."""
    with peer.connect():
        peer.is_over.wait(peer.chance.choice([1, 10]))


def floods(peer: Peer) -> None:
    """Connect many times, and leave."""
    for connection in [peer.connect() for _ in range(FLOOD)]:
        connection.close()
    peer.is_over.wait(0.5)


def leaves_after_each_answer(peer: Peer) -> None:
    """Reset the connection as soon as the answer is there."""
    order = ECHO(peer.identity(), peer.chance)
    connection = peer.connect()
    sent = peer.begin(order.identity, order.head_and_body)
    peer.send(connection, order.head_and_body)
    take(peer, connection, order, sent)
    connection.reset()


def crashes(peer: Peer) -> None:
    """Ask once for what ends the process; its successors wait longer each time."""
    if peer.connections or peer.is_over.wait(peer.chance.uniform(0, 3)):
        peer.is_over.wait()
        return
    identity = peer.identity()
    head = request(f"/{peer.chance.choice(['crashes', 'ends-at-once'])}/{identity}")
    with peer.connect() as connection:
        sent = peer.begin(identity, head)
        peer.send(connection, head)
        if peer.read(connection, sent) is not None:
            peer.ledger.accuse(f"was answered by a process that died: {sent}")


#: How many of each kind there are at the same time.
HOSTILE: dict[Callable[[Peer], None], int] = {
    drips_a_head: 2,
    drips_a_body: 2,
    never_reads: 2,
    pipelines_and_never_reads: 1,
    reads_slowly: 1,
    sends_garbage: 1,
    smuggles: 1,
    sends_too_much: 1,
    half_closes_in_a_body: 1,
    resets: 2,
    says_nothing: 1,
    floods: 1,
    leaves_after_each_answer: 1,
}
