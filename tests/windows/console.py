"""What only Windows tells a program. Run by `make windows`, under Wine, and not by pytest alone."""

from __future__ import annotations

import http.client

import console_event
import pytest
from gate import WAITS, Gate

SLOW = (
    WAITS
    + """
def app(environ, start_response):
    wait_at_the_gate()
    start_response("200 OK", [])
    return [b"done"]
"""
)


@pytest.fixture
def gate():
    """Return the gate at which every request waits."""
    gate = Gate()
    yield gate
    gate.close()


def test_a_console_that_closes_lets_a_running_request_finish(maitred, gate, tmp_path):
    (tmp_path / "slow.py").write_text(SLOW)
    server = maitred("slow:app", cwd=tmp_path, env=gate.environ)
    connection = http.client.HTTPConnection(*server.address, timeout=30)
    connection.request("GET", "/")
    gate.await_one()
    console_event.tell(server.process, console_event.CTRL_CLOSE)
    server.wait_for("the console closes: draining")
    gate.open()
    assert connection.getresponse().read() == b"done"
    assert server.wait() == 0


def test_a_console_that_closes_ends_an_idle_server(maitred):
    server = maitred("maitred.demo:app")
    console_event.tell(server.process, console_event.CTRL_CLOSE)
    assert server.wait() == 0
