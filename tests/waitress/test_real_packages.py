"""Tests of packages that use Waitress, unchanged, with Maitred in its place."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from applications import HERE
from both_servers import INSTALL, PRELUDE, run
from client import PATIENCE_SECONDS
from ports import free_port
from server import Server


@pytest.fixture
def replaced(tmp_path):
    """Return an environment in which every Python starts with Maitred in the place of Waitress."""
    folder = tmp_path / "start-up"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(INSTALL)
    return {"PYTHONPATH": str(folder)}


@pytest.fixture
def started():
    """Start a program; it is ended with the test."""
    servers = []

    def start(command: list[str], folder: Path, environment: dict[str, str]) -> Server:
        server = Server(command, folder, environment)
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.close()


def script(name: str) -> str:
    """Return the path of an installed script."""
    return str(Path(sys.executable).with_name(name))


def answer(url: str, server: Server) -> requests.Response:
    """Ask until it is answered, for programs that do not tell when they serve."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return requests.get(url, timeout=60)
        except requests.ConnectionError:
            assert server.process.poll() is None, server.log
            assert time.monotonic() < deadline, server.log
            time.sleep(0.05)


WEBTEST = """
from webtest.http import StopableWSGIServer

def served(server):
    with urllib.request.urlopen(server.application_url + "x", timeout=60) as response:
        return response.headers["Server"], response.read()

for _ in range(2):
    server = StopableWSGIServer.create(app, threads=2)
    print(server.wait(), *served(server))
    host, port = server.adj.host, int(server.adj.port)
    with socket.create_connection((host, port), 60) as idle:
        idle.sendall(b"GET / HTTP/1.1\\r\\nHost: test\\r\\n\\r\\n")
        print(idle.recv(12))
        print(server.shutdown(), ended(server.runner), server._map)
"""


def test_the_server_of_webtest_starts_serves_and_stops():
    line = "True waitress b'/x'\nb'HTTP/1.1 200'\nTrue True {}\n"
    assert run(INSTALL + PRELUDE + WEBTEST) == line * 2


WEBTEST_BUSY = """
from webtest.http import StopableWSGIServer

slow, answers = Slow(), []
server = StopableWSGIServer.create(slow)
asking = start(lambda: answers.append(get(server, "/slow")))
slow.entered.acquire()
threading.Timer(0.2, slow.leave.set).start()
print(server.shutdown(), ended(server.runner), ended(asking), answers)
"""


def test_the_server_of_webtest_finishes_what_runs_when_it_stops():
    # Waitress cuts the answer off.
    assert run(INSTALL + PRELUDE + WEBTEST_BUSY) == "True True True ['/slow']\n"


INI = """
[app:main]
paste.app_factory = pyramid_app:main

[server:main]
use = egg:waitress#main
listen = 127.0.0.1:0
threads = 3

[loggers]
keys = root, waitress

[handlers]
keys = console

[formatters]
keys = short

[logger_root]
level = WARN
handlers = console

[logger_waitress]
level = INFO
handlers =
qualname = waitress

[handler_console]
class = StreamHandler
args = (sys.stderr,)
formatter = short

[formatter_short]
format = %(levelname)s:%(name)s:%(message)s
"""


def test_pserve_starts_it_by_the_entry_point_of_waitress(replaced, started, tmp_path):
    (tmp_path / "shop.ini").write_text(INI)
    paths = f"{replaced['PYTHONPATH']}{os.pathsep}{HERE}"
    environment = {"PYTHONPATH": paths, "TEST_FILES": str(tmp_path)}
    server = started([script("pserve"), "shop.ini"], tmp_path, environment)
    url = server.wait_for(r"INFO:waitress:Serving on (http://\S+)\n")[1]
    response = requests.get(f"{url}/echo/a/b", timeout=60)
    assert (response.json()["path"], response.headers["Server"]) == ("a/b", "waitress")
    assert server.stop() == 0


@pytest.mark.parametrize(
    "command", [[script("waitress-serve")], [sys.executable, "-m", "waitress"]], ids=["script", "m"]
)
def test_the_command_of_waitress_starts_it(replaced, started, tmp_path, command):
    arguments = ["--listen=127.0.0.1:0", "--threads=3", "maitred.demo:app"]
    configure = "import logging; logging.basicConfig()\n"
    file = Path(replaced["PYTHONPATH"]) / "sitecustomize.py"
    file.write_text(file.read_text() + configure)
    server = started([*command, *arguments], tmp_path, replaced)
    url = server.wait_for(r"INFO:waitress:Serving on (http://\S+)\n")[1]
    assert requests.get(url, timeout=60).headers["Server"] == "waitress"
    assert server.stop() == 0


def test_pypiserver_serves_packages_with_it(replaced, started, tmp_path):
    packages = tmp_path / "packages"
    packages.mkdir()
    (packages / "shop-1.0.tar.gz").write_bytes(b"a package")
    port = free_port()
    command = [script("pypi-server"), "run", "-i", "127.0.0.1", "-p", str(port)]
    command += ["--server=auto", str(packages)]  # Waitress, if it can be imported
    server = started(command, tmp_path, replaced)
    url = f"http://127.0.0.1:{port}"
    listing = answer(f"{url}/simple/shop/", server)
    assert listing.headers["Server"] == "waitress"
    assert "shop-1.0.tar.gz" in listing.text
    assert requests.get(f"{url}/packages/shop-1.0.tar.gz", timeout=60).content == b"a package"
    assert server.stop() == 0


@pytest.mark.system
def test_devpi_serves_its_index_with_it(replaced, started, tmp_path):
    folder = str(tmp_path / "server")
    initialize = [script("devpi-init"), "--serverdir", folder, "--no-root-pypi"]
    subprocess.run(initialize, check=True, capture_output=True, timeout=120, env=os.environ)
    port = free_port()
    command = [script("devpi-server"), "--serverdir", folder, "--host=127.0.0.1"]
    server = started([*command, "--port", str(port), "--threads=5"], tmp_path, replaced)
    url = f"http://127.0.0.1:{port}"
    response = answer(f"{url}/+api", server)
    assert response.headers["Server"] == "waitress"
    assert response.json()["type"] == "apiconfig"
    login = {"user": "root", "password": ""}
    assert requests.post(f"{url}/+login", json=login, timeout=60).status_code == 200
    server.signal(signal.SIGINT)
    server.wait()  # with the status that it has with Waitress, too: 1
    assert "event loop stopped" in server.log + server.output
