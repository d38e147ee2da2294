"""Tests of PasteDeploy, with a Pyramid application and the real `pserve`."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import requests
from applications import HERE
from client import PATIENCE_SECONDS
from paste.deploy import loadserver
from server import Server

INI = """
[app:main]
paste.app_factory = pyramid_app:main

[server:main]
use = egg:maitred#main
listen = 127.0.0.1:0
threads = 3
url_prefix = /shop
ident = mine
expose_tracebacks = false

[loggers]
keys = root

[handlers]
keys = console

[formatters]
keys =

[logger_root]
level = INFO
handlers = console

[handler_console]
class = StreamHandler
args = (sys.stderr,)
"""


def test_worker_processes_are_refused_where_an_application_object_is_given(tmp_path):
    (tmp_path / "shop.ini").write_text(INI.replace("threads = 3", "workers = 2"))
    pserve = str(Path(sys.executable).with_name("pserve"))
    environment = {"PYTHONPATH": str(HERE), "TEST_FILES": str(tmp_path)}
    server = Server([pserve, "shop.ini"], tmp_path, environment)
    try:
        assert server.wait() != 0
        assert "`workers` needs worker processes" in server.log
        assert "import string" in server.log
    finally:
        server.close()


def test_pserve_serves_a_pyramid_application(tmp_path):
    (tmp_path / "shop.ini").write_text(INI)
    pserve = str(Path(sys.executable).with_name("pserve"))
    environment = {"PYTHONPATH": str(HERE), "TEST_FILES": str(tmp_path)}
    server = Server([pserve, "shop.ini"], tmp_path, environment)
    try:
        server.wait_for("with 3 threads")
        answer = requests.get(f"{server.url}/shop/echo/a/b?q=1", timeout=60)
        assert answer.json()["path"] == "a/b"
        assert answer.headers["Server"] == "mine"
        assert server.stop() == 0
    finally:
        server.close()


def test_the_entry_point_is_the_default_one_of_its_package(tmp_path):
    for use in ("egg:maitred", "egg:maitred#main"):
        (tmp_path / "x.ini").write_text(f"[server:main]\nuse = {use}\nthreads = 2\n")
        assert callable(loadserver(f"config:{tmp_path}/x.ini"))


def test_a_wrong_setting_is_named(tmp_path):
    (tmp_path / "shop.ini").write_text(INI.replace("threads = 3", "threds = 3"))
    pserve = str(Path(sys.executable).with_name("pserve"))
    server = Server([pserve, "shop.ini"], tmp_path, {"PYTHONPATH": str(HERE), "TEST_FILES": "."})
    try:
        assert server.wait() == 1
        assert "did you mean" in server.log or "`threads`" in server.log
    finally:
        server.close()


def change_until_seen(file: Path, server: Server) -> None:
    """Change a file's time until hupper says that it has: it may have begun to watch it after."""
    for _ in range(PATIENCE_SECONDS):
        changed = file.stat().st_mtime + 1
        os.utime(file, (changed, changed))
        with suppress(AssertionError):
            server.wait_for("changed; reloading", seconds=3)
            return
    raise AssertionError(server.log)


def answer_in_the_end(server: Server) -> requests.Response:
    """Ask where it last said that it serves, until it does: it may be about to reload once more."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        url = re.findall(r"serving on (\S+) ", server.log)[-1]
        try:
            return requests.get(f"{url}/shop/echo/a", timeout=60)
        except requests.ConnectionError:
            assert time.monotonic() < deadline, server.log
            time.sleep(0.1)


def test_pserve_reloads_when_a_file_changes(tmp_path):
    (tmp_path / "shop.ini").write_text(INI)
    pserve = str(Path(sys.executable).with_name("pserve"))
    environment = {"PYTHONPATH": str(HERE), "TEST_FILES": str(tmp_path)}
    server = Server([pserve, "--reload", "shop.ini"], tmp_path, environment)
    try:
        server.wait_for("with 3 threads")
        (tmp_path / "shop.ini").write_text(INI.replace("threads = 3", "threads = 2"))
        change_until_seen(tmp_path / "shop.ini", server)
        server.wait_for("with 2 threads")
        answer = answer_in_the_end(server)
        assert answer.json()["path"] == "a"
        server.signal(signal.SIGINT)
        server.wait()
        with pytest.raises(requests.ConnectionError):
            requests.get(answer.url, timeout=60)
    finally:
        server.close()
