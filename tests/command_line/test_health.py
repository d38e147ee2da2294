"""Tests of `maitred health`, and of how commands find the server that they ask."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading

import pytest
from ports import free_port

SLOW = """
import pathlib, time

while not pathlib.Path("go").exists():
    time.sleep(0.01)


def app(environ, start_response):
    start_response("200 OK", [])
    return [b"hello"]
"""


@pytest.fixture
def admin(maitred):
    """Start the demo application, and return the URL of its admin listener."""
    server = maitred("--admin-listen=127.0.0.1:0", "maitred.demo:app")
    return server.wait_for(r"probes, metrics and status on (http://\S+)")[1]


def test_a_server_that_takes_requests_is_healthy(run, admin):
    for probe, answer in {
        "readyz": "takes requests",
        "livez": "reacts",
        "startupz": "has started",
    }.items():
        done = run("health", f"--probe={probe}", admin)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == f"the server at {admin} {answer}\n"
    assert run("health", admin).stdout == f"the server at {admin} takes requests\n"


def test_the_settings_of_the_server_name_it_to_the_command(run, project, admin):
    address = admin.removeprefix("http://")
    assert run("health", f"--admin-listen={address}").returncode == 0
    assert run("health", env={"MAITRED_ADMIN_LISTEN": address}).returncode == 0
    folder = project({"maitred.toml": f'admin-listen = "{address}"\nthreads = "a mistake"\n'})
    assert run("health", cwd=folder).returncode == 0
    (folder / "maitred.toml").rename(folder / "other.toml")
    assert run("health", "--config=other.toml", cwd=folder).returncode == 0


def test_a_server_that_listens_everywhere_is_asked_on_this_machine(run, maitred):
    port = free_port()
    maitred(f"--admin-listen=*:{port}", "maitred.demo:app")
    done = run("health", f"--admin-listen=*:{port}")
    assert done.stdout == f"the server at http://localhost:{port} takes requests\n"


def test_a_unix_socket_will_do(run, maitred, tmp_path):
    path = tmp_path / "admin.sock"
    maitred(f"--admin-listen=unix:{path}", "maitred.demo:app")
    assert run("health", f"unix:{path}").stdout == f"the server at unix:{path} takes requests\n"


def test_a_server_that_starts_reacts_and_takes_no_requests(run, program, project):
    folder = project({"slow.py": SLOW})
    server = program("--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "slow:app", cwd=folder)
    admin = server.wait_for(r"probes, metrics and status on (http://\S+)")[1]
    assert run("health", "--probe=livez", admin).returncode == 0
    for probe, answer in {"readyz": "takes no requests", "startupz": "has not started"}.items():
        done = run("health", f"--probe={probe}", admin)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == f"error: the server at {admin} {answer}: starting\n"
    (folder / "go").touch()
    server.wait_for("serving on ")
    assert run("health", admin).returncode == 0


def test_without_an_address_it_says_how_to_name_one(run):
    done = run("health")
    assert (done.returncode, done.stdout) == (2, "")
    assert "error: there is no server to ask\n" in done.stderr
    assert "http://127.0.0.1:9090" in done.stderr


def test_where_nobody_is_it_says_so_in_one_line(run, tmp_path):
    url = f"http://127.0.0.1:{free_port()}"
    done = run("health", url)
    assert done.returncode == 1
    assert re.fullmatch(rf"error: no server is there, at {url}: .*refused.*\n", done.stderr)
    path = f"unix:{tmp_path}/none.sock"
    done = run("health", path)
    assert done.returncode == 1
    assert done.stderr == f"error: no server is there, at {path}: no such file or directory\n"


AS_SOMEBODY_ELSE = """
import os, sys
from maitred.runner import run

if os.geteuid() == 0:  # who may connect to everything
    os.seteuid(65534)
sys.exit(run(["maitred", *sys.argv[1:]]))
"""


def test_who_is_not_permitted_is_told_so(maitred, tmp_path):
    path = tmp_path / "admin.sock"
    maitred(f"--admin-listen=unix:{path}", "maitred.demo:app")
    path.chmod(0)
    done = subprocess.run(
        [sys.executable, "-c", AS_SOMEBODY_ELSE, "health", f"unix:{path}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == f"error: cannot ask the server at unix:{path}: permission denied\n"


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (b"", "is no admin listener: it closes the connection without a response"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "is no admin listener: its response is not HTTP"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok",
            "is no admin listener: its response is cut short",
        ),
        (
            b"HTTP/1.1 404 Not Found\r\n\r\nnot here",
            "is no admin listener: it answers /readyz with 404",
        ),
    ],
)
def test_what_is_no_admin_listener_is_called_that(run, response, error):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            client, _ = listener.accept()
            with client:
                received = b""
                while b"\r\n\r\n" not in received:
                    received += client.recv(4096)
                client.sendall(response)

        peer = threading.Thread(target=answer)
        peer.start()
        url = "http://{}:{}".format(*listener.getsockname())
        done = run("health", url)
        peer.join()
    assert done.returncode == 1
    assert done.stderr == f"error: {url} {error}\n"
