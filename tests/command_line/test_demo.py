"""Tests of the demo application, which is the first thing that many see of the server."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest
from client import request

PAGE = [("Accept", "text/html")]


@pytest.fixture
def ask(maitred):
    """Return a function that asks the demo, and the server."""
    server = maitred("maitred.demo:app")

    def ask(target, method="GET", fields=(), body=b""):
        with server.connect() as connection:
            connection.send(request(target, method, fields, body))
            return connection.read(method)

    ask.server = server
    return ask


def test_it_shows_the_request_the_server_and_what_there_is_to_try(ask):
    page = ask("/orders?id=<b>", fields=PAGE).body.decode()
    for part in ("GET /orders", "id=&lt;b&gt;", "The server", "CPython", "GIL"):
        assert part in page
    assert str(ask.server.process.pid) in page
    for trial in ("/try/slow", "/try/stream", "/try/exception", "/try/upload"):
        assert f'"{trial}"' in page


def test_its_policy_allows_its_own_style_and_no_other(ask):
    response = ask("/", fields=PAGE)
    style = re.search(r"<style>(.*)</style>", response.body.decode(), re.S)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = response["Content-Security-Policy"]
    assert f"style-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


def test_it_tells_clients_without_a_browser_the_same_as_text(ask):
    response = ask("/orders")
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert "Path: /orders" in response.body.decode()


def test_an_upload_is_counted_and_hashed(ask):
    body = bytes(range(256)) * 1024
    text = ask("/try/upload", "POST", body=body).body.decode()
    assert f"Bytes: {len(body)}" in text
    assert f"SHA-256: {hashlib.sha256(body).hexdigest()}" in text


def test_a_stream_comes_line_by_line(ask):
    response = ask("/try/stream")
    assert "Content-Length" not in response
    assert response.body.decode().splitlines()[::9] == ["line 1 of 10", "line 10 of 10"]


def test_a_slow_response_is_a_description_all_the_same(ask):
    assert "Path: /try/slow" in ask("/try/slow").body.decode()


def test_an_exception_is_answered_500_and_logged(ask):
    assert ask("/try/exception").status == 500
    ask.server.wait_for("RuntimeError: the demo was asked for an exception, in GET")
