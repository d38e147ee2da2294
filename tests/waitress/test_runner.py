"""Tests of the grammar of `waitress-serve`, through `maitred.runner.run`."""

from __future__ import annotations

import signal
import sys

import pytest
import requests
from maitred import runner
from server import Server

# Every flag of waitress-serve but the four that say where to listen.
FLAGS = [
    "--ipv4",
    "--no-ipv6",
    "--unix-socket-perms=600",
    "--threads=3",
    "--backlog=64",
    "--recv-bytes=8192",
    "--send-bytes=1",
    "--outbuf-overflow=1048576",
    "--outbuf-high-watermark=16777216",
    "--inbuf-overflow=524288",
    "--connection-limit=50",
    "--cleanup-interval=30",
    "--channel-timeout=60",
    "--channel-request-lookahead=1",
    "--log-socket-errors",
    "--no-log-socket-errors",
    "--max-request-header-size=4096",
    "--max-request-body-size=1000000",
    "--expose-tracebacks",
    "--no-expose-tracebacks",
    "--asyncore-loop-timeout=2",
    "--asyncore-use-poll",
    "--no-asyncore-use-poll",
    "--url-scheme=https",
    "--url-prefix=/shop",
    "--ident=mine",
    "--server-name=example.com",
    "--trusted-proxy=127.0.0.1",
    "--trusted-proxy-count=1",
    "--trusted-proxy-headers=x-forwarded-for x-forwarded-proto",
    "--log-untrusted-proxy-headers",
    "--no-clear-untrusted-proxy-headers",
]


def test_every_flag_of_waitress_serve_is_taken(maitred):
    server = maitred(*FLAGS, "maitred.demo:app")
    server.wait_for("with 3 threads")
    answer = requests.get(f"{server.url}/shop/x", timeout=60)
    assert answer.headers["Server"] == "mine"
    assert "Scheme: https" in answer.text
    assert "Path: /x" in answer.text
    assert "Server: example.com" in answer.text


@pytest.mark.parametrize(
    "arguments",
    [
        ["--thr=3", "maitred.demo:app"],
        ["--threads", "3", "maitred.demo:app"],
        ["--threads=9", "--threads=3", "maitred.demo:app"],
        ["--threads=3", "--app=maitred.demo:app"],
        ["--threads=3", "maitred.demo.app"],
    ],
)
def test_flags_may_be_written_as_getopt_takes_them(maitred, arguments):
    maitred(*arguments).wait_for("with 3 threads")


def test_listen_adds_up(maitred):
    server = maitred("--listen=127.0.0.1:0", "--listen=127.0.0.1:0", "maitred.demo:app")
    assert len(set(server.urls)) == 2


RUN = """
import sys, maitred.runner
argv = ("waitress", "--listen=127.0.0.1:0", "maitred.demo:app")
print(maitred.runner.run(argv=argv))
"""


def test_run_takes_any_sequence_and_returns_the_status(tmp_path):
    (tmp_path / "program.py").write_text(RUN)
    server = Server([sys.executable, "program.py"], tmp_path)
    server.wait_for("serving on")
    server.signal(signal.SIGINT)
    assert server.wait() == 0
    assert server.output == "0\n"


@pytest.mark.parametrize(
    "argv",
    [
        ["maitred"],
        ("maitred", "--nonsense", "maitred.demo:app"),
        ["maitred", "--threads=x", "maitred.demo:app"],
        ["maitred", "maitred.demo:app", "another:app"],
        ["maitred", "--listen=127.0.0.1:0", "--port=80", "maitred.demo:app"],
    ],
)
def test_run_never_raises_for_usage(argv, capfd):
    assert runner.run(argv) == 2
    told = capfd.readouterr().err
    assert told.startswith("error: ")
    assert "nothing was started" in told


def test_run_says_when_the_application_cannot_be_imported(capfd):
    assert runner.run(["maitred", "--listen=127.0.0.1:0", "no.such.module:app"]) == 1
    assert "there is no module `no`" in capfd.readouterr().err


def test_run_prints_help_and_returns_0(capfd):
    assert runner.run(["maitred", "--help"]) == 0
    assert "--channel-timeout" in capfd.readouterr().out
