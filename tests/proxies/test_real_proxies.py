"""Tests behind real proxies, over TCP and a Unix socket, with the samples of `deploy/`."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import crowd
import pytest
import samples
from client import Connection, request
from server import Server

pytestmark = pytest.mark.system

REQUESTS = 10_000

#: An address of this machine that is neither the proxy's nor the server's.
CLIENT = "127.0.0.2"

FORGED = {
    "X-Forwarded-For": "6.6.6.6",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "forged.example",
    "X-Forwarded-Port": "666",
    "Forwarded": "for=7.7.7.7;proto=https;host=forged.example",
}


@dataclass(frozen=True)
class Chain:
    """A server with a proxy in front of it."""

    front: int
    admin: Path

    @property
    def host(self) -> str:
        """What a browser would send as Host."""
        return f"shop.example:{self.front}"

    def environ(self, **fields: str) -> dict[str, str]:
        """Ask through the proxy, as another machine would, what the application is told."""
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.front, timeout=60, source_address=(CLIENT, 0)
        )
        connection.request("GET", "/environ", headers={"Host": self.host, **fields})
        response = connection.getresponse()
        body = response.read()
        connection.close()
        assert response.status == 200, body
        return json.loads(body)

    def given(self) -> dict:
        """Ask the application which requests it was given."""
        connection = http.client.HTTPConnection("127.0.0.1", self.front, timeout=60)
        connection.request("GET", "/given")
        body = connection.getresponse().read()
        connection.close()
        return json.loads(body)

    def accepted(self) -> int:
        """Return how many connections the server has accepted."""
        with Connection(str(self.admin)) as connection:
            text = connection.ask(request("/metrics")).body.decode()
        values = re.findall(r"^maitred_connections_accepted_total\{.*\} (\d+)", text, re.M)
        assert values, text
        return sum(map(int, values))


@pytest.fixture(params=samples.ALL, ids=lambda proxy: proxy.name)
def proxy(request: pytest.FixtureRequest) -> samples.Proxy:
    """Each of the proxies."""
    return request.param


@pytest.fixture(params=["tcp", "socket"])
def chain(
    request: pytest.FixtureRequest,
    proxy: samples.Proxy,
    maitred: Callable[..., Server],
    tmp_path: Path,
) -> Iterator[Chain]:
    """A server with the flags that the sample recommends, and the proxy in front."""
    path = tmp_path / "maitred.sock" if request.param == "socket" else None
    admin = tmp_path / "admin.sock"
    flags = [*proxy.flags(path), f"--admin-listen=unix:{admin}"]
    server = maitred(*flags, "echo_app:app", cwd=Path(__file__).parent)
    with samples.running(proxy, str(path) if path else server.address, tmp_path) as front:
        yield Chain(front, admin)


def test_ten_thousand_requests_are_answered_each_with_its_own_answer(chain: Chain) -> None:
    outcome = crowd.send(chain.front, REQUESTS)
    assert outcome.wrong == []
    assert outcome.right.total() == REQUESTS
    # Not one was lost or, by a proxy that tried again, given to the application twice.
    assert chain.given() == {"count": REQUESTS, "twice": []}


def test_the_proxy_keeps_its_connections_to_us(chain: Chain) -> None:
    outcome = crowd.send(chain.front, 1_000)
    assert outcome.wrong == []
    # One a client, or a few more in a rush; one a request would be a thousand.
    assert chain.accepted() < 100


def test_the_application_is_told_who_the_client_is(chain: Chain) -> None:
    environ = chain.environ()
    assert environ["REMOTE_ADDR"] == CLIENT
    assert environ["wsgi.url_scheme"] == "http"
    assert environ["HTTP_HOST"] == chain.host


def test_nobody_can_forge_who_they_are(chain: Chain) -> None:
    environ = chain.environ(**FORGED)
    assert environ["REMOTE_ADDR"] == CLIENT
    assert environ["wsgi.url_scheme"] == "http"
    assert environ["HTTP_HOST"] == chain.host
    assert "HTTP_FORWARDED" not in environ
    assert not [value for value in environ.values() if "forged" in value]
