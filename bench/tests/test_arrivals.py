"""The open load: the same arrivals for the same seed, and latencies from when they were planned."""

import http.server
import threading
from collections.abc import Iterator

import pytest
from gauge.arrivals import LONG, SHORT, Arrival, Generator, Outcome, percentile, plan


def test_a_seed_decides_the_arrivals_and_their_mean_is_the_rate():
    arrivals = plan(1, seconds=100, rate=200)
    assert arrivals == plan(1, seconds=100, rate=200)
    assert arrivals != plan(2, seconds=100, rate=200)
    assert arrivals == sorted(arrivals)
    assert 19_500 < len(arrivals) < 20_500
    assert 0 < arrivals[0].at < arrivals[-1].at < 100
    long = sum(it.path == LONG for it in arrivals)
    assert 0.04 < long / len(arrivals) < 0.06


@pytest.mark.parametrize(
    ("percent", "value"), [(50, 50), (99, 99), (99.5, 100), (100, 100), (1, 1), (0, 1)]
)
def test_a_percentile_is_one_of_the_values(percent, value):
    assert percentile(list(range(100, 0, -1)), percent) == value
    assert percentile([], percent) == 0


def test_the_summary_counts_all_and_tells_the_latency_of_the_short_ones():
    outcome = Outcome(seconds=2.0)
    outcome.latencies[SHORT] = [0.001] * 99 + [0.5]
    outcome.latencies[LONG] = [0.1]
    summary = outcome.summary()
    assert (summary["requests"], summary["duration_us"]) == (101, 2_000_000)
    assert (summary["p50_us"], summary["p99_us"], summary["max_us"]) == (1000, 1000, 500_000)
    assert summary["long_p99_us"] == 100_000


class _Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        """Answer on a connection that stays open; or as the path says."""
        if self.path == LONG:
            self.server.gate.wait()
        self.server.hosts.add(self.client_address)
        self.send_response(503 if self.path == "/busy" else 200)
        if self.path == "/last":
            self.send_header("Connection", "close")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[http.server.ThreadingHTTPServer]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    server.daemon_threads = True
    server.gate = threading.Event()
    server.hosts = set()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.gate.set()
    server.shutdown()
    thread.join()
    server.server_close()


def test_every_planned_request_is_sent_once_and_its_status_is_looked_at(server):
    arrivals = [Arrival(n / 1000, "/busy" if n % 10 == 0 else SHORT) for n in range(200)]
    outcome = Generator(server.server_port, arrivals, 8).run()
    assert len(outcome.latencies[SHORT]) == 180
    assert outcome.errors == {"connect": 0, "read": 0, "write": 0, "status": 20, "timeout": 0}


def test_a_request_that_finds_no_free_connection_has_waited_since_it_was_planned(server):
    arrivals = [Arrival(0.0, LONG), Arrival(0.05, SHORT)]
    generator = Generator(server.server_port, arrivals, 1)
    opening = threading.Timer(0.5, server.gate.set)
    opening.start()
    outcome = generator.run()
    opening.join()
    (long,), (short,) = outcome.latencies[LONG], outcome.latencies[SHORT]
    # Both ended when the gate was open, and the second was planned 50 ms after the first.
    assert short >= long - 0.05


def test_a_connection_that_the_server_ends_is_replaced_and_no_request_has_failed(server):
    arrivals = [Arrival(n / 100, "/last" if n == 5 else SHORT) for n in range(10)]
    generator = Generator(server.server_port, arrivals, 1)
    generator.outcome.latencies["/last"] = []
    outcome = generator.run()
    assert outcome.summary()["failed"] == 0
    assert outcome.reconnects == 1
    assert len(server.hosts) == 2


def test_without_connections_each_request_has_its_own(server):
    arrivals = [Arrival(n / 100, SHORT) for n in range(10)]
    outcome = Generator(server.server_port, arrivals, 0).run()
    assert len(outcome.latencies[SHORT]) == 10
    assert (outcome.summary()["failed"], outcome.reconnects) == (0, 0)
    assert len(server.hosts) == 10
