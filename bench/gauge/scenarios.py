"""The table of scenarios: which application, which load, and what a right answer is.

A scenario shows one thing at a time: the bare round trip, a browser's head, a body in either
direction, waiting, computing, frameworks, connection churn, and many connections.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from apps import plain

COOKIE = "session=" + "0123456789abcdef" * 47 + "; theme=dark; lang=en-GB; consent=1"
BROWSER = (
    ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"),
    ("Accept-Language", "en-GB,en;q=0.7,de;q=0.3"),
    ("Accept-Encoding", "gzip, deflate, br, zstd"),
    ("Referer", "http://127.0.0.1/some/previous/page?with=a&query=string"),
    ("Cookie", COOKIE),
    ("Upgrade-Insecure-Requests", "1"),
    ("Sec-Fetch-Dest", "document"),
    ("Sec-Fetch-Mode", "navigate"),
    ("Sec-Fetch-Site", "same-origin"),
    ("Cache-Control", "max-age=0"),
)
SHOP = f"GET|/shop/item|id=42&ref=mail|127.0.0.1|Mozilla/5.0|{len(COOKIE)}".encode()


class Held(Enum):
    """What a client makes a server hold."""

    UNREAD_RESPONSE = "a response that it does not read"
    HALF_BODY = "a body of which the second half does not come"


@dataclass(frozen=True)
class Scenario:
    """One kind of load.

    `threads` is for servers that have a pool; `pipeline` is how many requests go in one write;
    `idle` connections are open and silent meanwhile; with `spread`, each connection's requests
    are counted and newcomers are let in under load; `beside` runs on a few connections of its own.
    With a `rate`, so many requests arrive each second, whether the server is ready or not. Those
    `for_two` are for servers of two processes, and for one process that does as much. With
    `reloads`, the server gets new code meanwhile; with `holds`, there is no load, but `connections`
    of which each makes the server hold something.
    """

    about: str
    app: str
    expect: bytes = plain.HELLO
    path: str = "/"
    method: str = "GET"
    fields: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    lua: str = "summary"
    connections: int = 64
    threads: int = 4
    pipeline: int = 1
    idle: int = 0
    spread: bool = False
    beside: Scenario | None = None
    rate: float = 0.0
    for_two: bool = False
    reloads: bool = False
    holds: Held | None = None

    @property
    def closing(self) -> bool:
        """Whether each request has a connection of its own."""
        return ("Connection", "close") in self.fields


HELLO = Scenario("13 bytes, keep-alive", "plain:hello")
CPU_MIX = Scenario("every other request works 200 µs under the GIL", "plain:cpu_mix")
PIPELINE = Scenario(
    "16 pipelined requests in each write",
    "plain:path_info",
    expect=b"/p01",
    path="/p01",
    lua="pipeline",
    pipeline=16,
)
SPREAD = replace(
    CPU_MIX,
    about="cpu-mix on 200 connections: does each get its share",
    lua="spread",
    connections=200,
    spread=True,
)

ARRIVALS = Scenario(
    "202 requests/s as they come, 95 % of 1 ms and 5 % of 100 ms, one thread a process; "
    "latencies of the short ones",
    "plain:short_and_long",
    path="/short",
    threads=1,
    rate=202,
    for_two=True,
)
HOLDS = Scenario(
    "60 responses of 8 MB that nobody reads: memory for each",
    "plain:held",
    connections=60,
    holds=Held.UNREAD_RESPONSE,
)

SCENARIOS = {
    "hello": HELLO,
    "headers": Scenario(
        "a browser's 12 fields with a cookie of 800 bytes; 5 fields in the answer",
        "plain:headers",
        expect=SHOP,
        path="/shop/item?id=42&ref=mail",
        fields=BROWSER,
    ),
    "post-64k": Scenario(
        "POST of 64 KiB, read in full",
        "plain:body_length",
        expect=b"65536",
        path="/post",
        method="POST",
        body=b"x" * 65536,
        lua="post64k",
    ),
    "get-1m": Scenario(
        "1 MiB in one bytes object",
        "plain:mebibyte",
        expect=plain.MIB,
        path="/mebibyte",
        connections=8,
    ),
    "stream": Scenario(
        "64 chunks of 1 KiB from a generator, no length",
        "plain:stream",
        expect=plain.CHUNK * plain.CHUNKS,
        path="/stream",
    ),
    "file": Scenario(
        "4 MiB through wsgi.file_wrapper",
        "plain:file",
        expect=plain.FILE,
        path="/file",
        connections=8,
    ),
    "close": replace(
        HELLO,
        about="hello, a connection for each request",
        connections=32,
        fields=(("Connection", "close"),),
    ),
    "sleep": Scenario("10 ms of waiting; 1600/s is ideal", "plain:sleep", threads=16),
    "cpu-mix": CPU_MIX,
    "flask": Scenario("hello in Flask", "with_flask:app"),
    "django": Scenario("hello in Django", "with_django:app"),
    "pipeline": PIPELINE,
    "idle": replace(HELLO, about="hello beside 5,000 idle connections", idle=5000),
    "idle-1000": replace(HELLO, about="hello beside 1,000 idle connections", idle=1000),
    "idle-10000": replace(HELLO, about="hello beside 10,000 idle connections", idle=10_000),
    "spread": SPREAD,
    "spread-hello": replace(
        SPREAD, about="the same with hello: the I/O thread's part in it", app="plain:hello"
    ),
    "spread-beside-pipeline": replace(
        SPREAD,
        about="the same while 8 further connections pipeline requests by 16",
        beside=replace(PIPELINE, connections=8),
    ),
    "compute": Scenario(
        "2 ms of Python for each request",
        "plain:compute",
        connections=16,
        for_two=True,
    ),
    "arrivals": ARRIVALS,
    "arrivals-close": replace(
        ARRIVALS,
        about="the same with a connection for each request",
        fields=(("Connection", "close"),),
    ),
    "reload": replace(
        ARRIVALS,
        about="the same with four threads a process, which are replaced meanwhile: what fails",
        threads=4,
        for_two=False,
        reloads=True,
    ),
    "unread": HOLDS,
    "half-bodies": replace(
        HOLDS,
        about="60 bodies of 8 MB of which one half has come: memory for each",
        holds=Held.HALF_BODY,
    ),
} | {
    f"connections-{count}": replace(
        HELLO, about=f"hello on {count:,} connections", connections=count
    )
    for count in (1, 64, 256, 1000, 4000, 10_000)
}
