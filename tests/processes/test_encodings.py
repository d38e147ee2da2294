"""Tests of what a worker process is given where the locale has another encoding than UTF-8."""

from __future__ import annotations

import json
import os
import sys

import pytest
from client import request
from server import Server, command

APP = """
import json, os, sys


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    told = {"path": sys.path, "argv": sys.argv, "options": [sys._xoptions["shop"]]}
    told = {name: [os.fsencode(text).hex() for text in texts] for name, texts in told.items()}
    return [json.dumps(told).encode()]
"""

#: A locale of ASCII, which Python does not replace by one of UTF-8.
ASCII = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, paths are Unicode")
@pytest.mark.parametrize("name", ["café".encode(), b"caf\xe9"], ids=["UTF-8", "no text"])
@pytest.mark.parametrize("locale", [ASCII, {"LC_ALL": "C.UTF-8"}], ids=["ASCII", "UTF-8"])
def test_a_worker_gets_paths_and_arguments_as_they_are_whatever_the_locale(tmp_path, name, locale):
    shop = tmp_path / os.fsdecode(name)
    shop.mkdir()
    (shop / "shop.py").write_text(APP)
    folder = os.fsencode(shop)
    interpreter, *arguments = command("--listen=127.0.0.1:0", "--supervisor=always", "shop:app")
    line = [interpreter, "-X", b"shop=" + name, *arguments, b"--python-path=" + folder]
    server = Server(line, cwd=tmp_path, env={"PYTHONPATH": str(shop), **locale})
    try:
        with server.connect() as connection:
            told = json.loads(connection.ask(request("/")).body)
        assert server.stop() == 0
    finally:
        server.close()
    assert told["path"].count(folder.hex()) == 2
    assert told["argv"][-1] == (b"--python-path=" + folder).hex()
    assert told["options"] == [name.hex()]
