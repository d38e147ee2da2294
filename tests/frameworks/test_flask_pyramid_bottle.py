"""Tests of Flask, Pyramid and Bottle applications."""

from __future__ import annotations

import hashlib
import os

import requests


def test_flask_answers_json_with_json(flask):
    answer = requests.post(f"{flask.url}/sum", json={"numbers": [1, 2, 39]}, timeout=60)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {"sum": 42}


def test_flask_refuses_broken_json_by_itself(flask):
    fields = {"Content-Type": "application/json"}
    answer = requests.post(f"{flask.url}/sum", data=b"{", headers=fields, timeout=60)
    assert answer.status_code == 400


def test_flask_sets_several_cookies_and_keeps_a_session(flask):
    with requests.Session() as browser:
        first = browser.get(f"{flask.url}/cookies", timeout=60)
        assert {"one", "two", "session"} <= set(browser.cookies.keys())
        assert len(first.raw.headers.getlist("Set-Cookie")) == 3
        assert browser.get(f"{flask.url}/cookies", timeout=60).text == "2"


def test_flask_sends_a_part_of_a_file(flask, files):
    answer = requests.get(
        f"{flask.url}/file/large.bin", headers={"Range": "bytes=1000-1999"}, timeout=60
    )
    assert answer.status_code == 206
    assert answer.content == (files / "large.bin").read_bytes()[1000:2000]


def test_flask_says_that_a_file_has_not_changed(flask):
    tag = requests.get(f"{flask.url}/file/large.bin", timeout=60).headers["ETag"]
    answer = requests.get(f"{flask.url}/file/large.bin", headers={"If-None-Match": tag}, timeout=60)
    assert (answer.status_code, answer.content) == (304, b"")


def test_flask_streams_a_thousand_pieces(flask):
    answer = requests.get(f"{flask.url}/numbers", timeout=60)
    assert answer.text.split() == [str(number) for number in range(1000)]


def test_flask_sends_nothing_at_all_and_the_connection_goes_on(flask):
    with requests.Session() as browser:
        for _ in range(3):
            answer = browser.get(f"{flask.url}/nothing", timeout=60)
            assert (answer.status_code, answer.content) == (204, b"")


def test_flask_answers_500_to_a_view_that_raises(flask):
    answer = requests.get(f"{flask.url}/fails", timeout=60)
    assert answer.status_code == 500
    assert "a mistake in a view" not in answer.text


def test_pyramid_takes_an_upload(pyramid):
    data = os.urandom(1_500_000)
    answer = requests.post(f"{pyramid.url}/upload", files={"file": ("b.bin", data)}, timeout=60)
    assert answer.json() == {
        "name": "b.bin",
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }


def test_bottle_takes_a_form(bottle):
    answer = requests.post(f"{bottle.url}/form", data={"name": "Zoë"}, timeout=60)
    assert answer.text == "hello Zoë"


def test_bottle_streams_a_thousand_pieces(bottle):
    answer = requests.get(f"{bottle.url}/numbers", timeout=60)
    assert answer.text.split() == [str(number) for number in range(1000)]
