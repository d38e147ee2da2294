"""Tests of every framework, with every client, over TCP and over a Unix socket."""

from __future__ import annotations

import hashlib
import json

import pytest
from applications import APPLICATIONS
from client import Connection, request
from clients import OVER_TCP, OVER_UNIX

FRAMEWORKS = pytest.mark.parametrize("application", APPLICATIONS, indirect=True)


def where(server, transport: str) -> str:
    scheme = {"tcp": "http://", "unix": "unix:"}[transport]
    return next(url for url in server.urls if url.startswith(scheme))


CLIENTS = pytest.mark.parametrize(
    ("transport", "client"),
    [pytest.param("tcp", client, id=f"tcp-{name}") for name, client in OVER_TCP.items()]
    + [pytest.param("unix", client, id=f"unix-{name}") for name, client in OVER_UNIX.items()],
)


@FRAMEWORKS
@CLIENTS
def test_what_was_asked_arrives(application, transport, client):
    answer = client(
        where(application, transport),
        "POST",
        "/echo/caf%C3%A9/au%20lait?q=1&q=%C3%BC",
        {"Content-Type": "text/plain; charset=utf-8", "Cookie": "a=1; b=2"},
        "grüße".encode(),
    )
    assert answer.status == 200
    told = json.loads(answer.body)
    host = told.pop("host")
    assert told == {
        "method": "POST",
        "path": "café/au lait",
        "query": {"q": ["1", "ü"]},
        "body": "grüße",
        "scheme": "http",
        "cookies": {"a": "1", "b": "2"},
    }
    assert host == where(application, transport).removeprefix("http://") or transport == "unix"


@FRAMEWORKS
@CLIENTS
def test_a_file_arrives_whole(application, transport, client, large):
    answer = client(where(application, transport), "GET", "/file/large.bin", {}, b"")
    assert answer.status == 200
    assert answer.fields["content-length"] == "3000000"
    assert hashlib.sha256(answer.body).hexdigest() == large


@FRAMEWORKS
def test_an_empty_file_arrives_empty(application):
    answer = OVER_TCP["http.client"](application.url, "GET", "/file/empty.bin", {}, b"")
    assert (answer.status, answer.body) == (200, b"")


@FRAMEWORKS
def test_head_has_the_fields_of_get_and_no_body(application):
    answer = OVER_TCP["http.client"](application.url, "HEAD", "/file/large.bin", {}, b"")
    assert answer.status == 200
    assert answer.body == b""
    assert answer.fields["content-length"] == "3000000"


@FRAMEWORKS
def test_what_is_not_there_is_the_frameworks_own_404(application):
    answer = OVER_TCP["http.client"](application.url, "GET", "/nowhere", {}, b"")
    assert answer.status == 404
    assert answer.body != b""


@pytest.mark.parametrize("name", APPLICATIONS)
def test_both_judges_of_pep_3333_are_content(serving, name):
    server = serving(f"validated:{name}")
    for method, body in (("GET", b""), ("POST", b"x" * 1_000_000), ("HEAD", b""), ("PUT", b"y")):
        for client in OVER_TCP.values():
            if (method, client) == ("HEAD", OVER_TCP["curl"]):
                continue  # curl -X HEAD waits for a body
            answer = client(server.url, method, "/echo/x?a=b", {"Content-Type": "a/b"}, body)
            told = "HEAD" if method == "HEAD" else json.loads(answer.body)["method"]
            assert (answer.status, told) in {(200, method), (405, method)}, server.log
    assert "AssertionError" not in server.log


@pytest.mark.parametrize("name", APPLICATIONS)
@pytest.mark.parametrize("target", ["*", "//evil.example/%2e%2e", "/%2F/echo/x", "http://test"])
def test_no_target_is_a_mistake_of_the_server(serving, name, target):
    server = serving(f"validated:{name}")
    with Connection(server.address) as connection:
        answer = connection.ask(request(target, "OPTIONS"))
        assert answer.status < 500, server.log
        assert not any(location.startswith("//") for location in answer.all("Location"))
    assert "AssertionError" not in server.log
