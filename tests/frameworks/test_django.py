"""Tests of a Django project, with requests of a browser and of an API client."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import threading
import time

import httpx
import pytest
import requests
from applications import APPLICATIONS, HERE, PASSWORD
from client import PATIENCE_SECONDS, request
from gate import Gate

MEGABYTE = 1 << 20


@pytest.fixture
def browser():
    with requests.Session() as session:
        yield session


def token(page: str) -> str:
    return re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[1]


def test_the_admin_lets_in_whoever_knows_the_password(django, browser):
    login = browser.get(f"{django.url}/admin/", timeout=60)
    assert "Log in" in login.text
    answer = browser.post(
        login.url,
        data={
            "csrfmiddlewaretoken": token(login.text),
            "username": "chef",
            "password": PASSWORD,
        },
        headers={"Referer": login.url},
        timeout=60,
    )
    assert answer.status_code == 200
    assert "Site administration" in answer.text
    assert [step.status_code for step in answer.history] == [302]


def test_a_form_is_taken_with_its_csrf_token_and_refused_without(django, browser):
    url = f"{django.url}/form/"
    page = browser.get(url, timeout=60)
    sent = {"name": "Zoë", "csrfmiddlewaretoken": token(page.text)}
    assert browser.post(url, data=sent, timeout=60).text == "hello Zoë"
    assert browser.post(url, data={"name": "Zoë"}, timeout=60).status_code == 403


def test_an_upload_of_five_megabytes_arrives_whole(django):
    data = os.urandom(5 * MEGABYTE)
    answer = requests.post(f"{django.url}/upload/", files={"file": ("größe.bin", data)}, timeout=60)
    assert answer.json() == {
        "name": "größe.bin",
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }


def test_an_upload_in_chunks_of_unknown_length_arrives_whole(django):
    def pieces():
        for number in range(100):
            yield str(number).encode() * 1000

    answer = httpx.post(f"{django.url}/echo/chunks", content=pieces(), timeout=60)
    assert answer.json()["body"] == "".join(str(number) * 1000 for number in range(100))


def test_each_piece_of_a_stream_leaves_before_the_next_is_asked_for(django):
    with httpx.stream("GET", f"{django.url}/stream/", timeout=60) as answer:
        pieces = answer.iter_text()
        assert next(pieces) == "first\n"
        assert httpx.get(f"{django.url}/release/", timeout=60).text == "released"
        assert "".join(pieces) == "second\n"


def test_a_view_that_raises_is_a_500_and_the_next_request_is_answered(django, browser):
    assert browser.get(f"{django.url}/fails/", timeout=60).status_code == 500
    assert browser.get(f"{django.url}/release/", timeout=60).status_code == 200


def test_a_request_whose_file_is_sent_slowly_finishes_on_the_thread_of_its_view(
    maitred, environment, files
):
    large = b"x" * (16 << 20)
    (files / "report.bin").write_bytes(large)
    gate = Gate()
    server = maitred(
        "--threads=4", APPLICATIONS["django"], cwd=HERE, env={**environment, **gate.environ}
    )
    with (
        server.connect() as held,
        server.connect(receive_buffer=8192) as slow,
        server.connect() as other,
    ):
        held.send(request("/gate"))
        gate.await_one()
        slow.send(request("/report/report.bin"))
        slow.socket.recv(1, socket.MSG_PEEK)
        # Another thread falls asleep last, and would be woken first.
        gate.close()
        assert held.read().body == b"open"
        assert slow.read().body == large
        deadline = time.monotonic() + PATIENCE_SECONDS
        about = {}
        while "finished" not in about:
            assert time.monotonic() < deadline, about
            time.sleep(0.01)
            about = json.loads(other.ask(request("/report/report.bin/about")).body)
    assert about["finished"] == about["view"]
    assert not about["connected"], "its connection to the database is closed"


def test_many_clients_at_once_get_each_their_own_answer(django):
    wrong: list[str] = []

    def ask(number: int) -> None:
        with httpx.Client(timeout=60) as client:
            for turn in range(20):
                name = f"{number}-{turn}"
                if client.get(f"{django.url}/echo/{name}").json()["path"] != name:
                    wrong.append(name)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
