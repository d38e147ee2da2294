"""The soak can fail: whatever does not agree is said, and nothing else."""

from __future__ import annotations

import json
import random
import threading

import pytest
from client import Response

from soak.accounts import Accounts, read_lines
from soak.clients import ECHO, judge
from soak.ledger import Ledger, Outcome, Sent
from soak.peer import Peer, Rules
from soak.remains import Held, left_over
from soak.scrapes import went_back

COUNTS = {
    'maitred_requests_total{worker="0",method="GET",code="200"}': 2.0,
    'maitred_request_duration_seconds_count{worker="0",code_class="2xx"}': 2.0,
    'maitred_response_body_bytes_total{worker="0"}': 200.0,
    'maitred_connections_accepted_total{worker="0",listener="a"}': 1.0,
    'maitred_connections_closed_total{worker="0",reason="client"}': 1.0,
}
DEATH = {
    "message": "a worker process died (SIGKILL)",
    "pid": 7,
    "running": 1,
    "waiting": 0,
    "connections": 1,
}


def line(identity: str, **differs) -> str:
    usual = {
        "target": f"/echo/{identity}",
        "method": "GET",
        "status": 200,
        "result": "complete",
        "bytes": 100,
        "request_bytes": 0,
    }
    return json.dumps(usual | differs)


def a_round(
    texts: list[str], rules: Rules | None = None, records: tuple = (), **counts: float
) -> Accounts:
    """Two requests on one connection, both answered by process 7; what is counted may differ."""
    ledger = Ledger(connections=1)
    for identity in ("one", "two"):
        sent = ledger.sends(Sent(identity, "client", b"GET"))
        sent.answered(200, pid=7, size=100)
    after = dict(COUNTS)
    for name, value in counts.items():
        series = next(it for it in after if it.startswith(f"maitred_{name}"))
        after[series] = value
    lines, torn = read_lines(texts)
    return Accounts(ledger, rules or Rules(), lines, torn, {}, after, list(records))


def test_a_round_in_which_everything_agrees_has_no_problem():
    assert a_round([line("one"), line("two")]).problems() == []


@pytest.mark.parametrize(
    ("texts", "counts", "said"),
    [
        pytest.param([line("one")], {}, "no line of two", id="a line is missing"),
        pytest.param([line("one"), line("two"), line("two")], {}, "2 lines of one", id="twice"),
        pytest.param([line("one"), line("two"), line("3")], {}, "nobody's request", id="unknown"),
        pytest.param([line("one"), line("two", status=500)], {}, "status=500", id="status"),
        pytest.param([line("one"), line("two", result="cut")], {}, "result='cut'", id="result"),
        pytest.param([line("one"), line("two", bytes=99)], {}, "bytes=99", id="size"),
        pytest.param([line("one"), line("two")[:20]], {}, "not whole", id="torn"),
        pytest.param([line("one"), line("two")], {"requests": 3.0}, "neither", id="counted"),
        pytest.param([line("one"), line("two")], {"requests": 1.0}, "not count", id="uncounted"),
        pytest.param([line("one"), line("two")], {"response_body": 1.0}, "grew by 1", id="bytes"),
        pytest.param([line("one"), line("two")], {"request_dur": 1.0}, "durations", id="histogram"),
        pytest.param([line("one"), line("two")], {"connections_a": 2.0}, "accepted", id="accepted"),
        pytest.param([line("one"), line("two")], {"connections_c": 0.0}, "ended", id="closed"),
    ],
)
def test_whatever_differs_is_said(texts, counts, said):
    assert said in "\n".join(a_round(texts, **counts).problems())


def test_a_line_may_be_missing_only_with_the_process_that_answered():
    lost = {"connections_closed": 0.0}
    died = a_round([line("one")], Rules(may_lose=True), (DEATH,), **lost)
    died.after['maitred_connections_closed_total{worker="0",reason="worker_died"}'] = 1.0
    assert died.problems() == []
    another = a_round([line("one")], Rules(may_lose=True), ({**DEATH, "pid": 8},), **lost)
    assert "no line of two" in "\n".join(another.problems())
    assert "workers died" in "\n".join(a_round([line("one")], records=(DEATH,)).problems())


def test_more_requests_are_not_lost_than_a_dead_process_had():
    accounts = a_round([line("one"), line("two")], Rules(may_lose=True), (DEATH,))
    for number in range(3):
        sent = accounts.ledger.sends(Sent(str(number), "client", b"GET", connection=number))
        sent.ended(Outcome.LOST)
    assert "3 connections failed for clients" in "\n".join(accounts.problems())


def test_a_request_of_which_nothing_is_known_is_a_problem():
    accounts = a_round([line("one"), line("two")])
    accounts.ledger.sends(Sent("three", "client", b"GET"))
    assert "neither answered nor lost: three" in "\n".join(accounts.problems())


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [(200, None, ""), (200, b"another's", "wrong body"), (503, None, "200 was expected")],
)
def test_a_client_knows_its_own_answer(status, body, said):
    ledger = Ledger()
    chance = random.Random(1)  # noqa: S311 (the same each time)
    peer = Peer("client", ("127.0.0.1", 1), ledger, Rules(), chance, threading.Event())
    order = ECHO("one", chance)
    sent = peer.begin("one", order.head_and_body)
    judge(peer, order, sent, Response("HTTP/1.1", status, "", (), body or order.answer))
    assert said in "\n".join(ledger.problems)
    assert bool(ledger.problems) is bool(said)


def test_what_only_grows_never_goes_back():
    before = {'a_total{worker="0"}': 2.0, "b_bucket{le=1}": 1.0, "gauge": 9.0}
    assert (
        went_back(before, {'a_total{worker="0"}': 2.0, "b_bucket{le=1}": 3.0, "gauge": 1.0}) == []
    )
    assert len(went_back(before, {'a_total{worker="0"}': 1.0})) == 2


def test_what_is_left_over_is_said():
    first = Held(("socket",), ("maitred-io",), 1 << 20)
    assert list(Held(("socket",), ("maitred-io",), 2 << 20).beyond(first, 0)) == []
    later = Held(("socket", "socket"), ("maitred-io", "another"), 1 << 30)
    assert [it.split()[1] for it in later.beyond(first, 0)] == ["descriptors", "threads", "MiB"]
    assert len(list(later.beyond(first, 1))) == 2
    metrics = {'maitred_connections{worker="0",state="idle"}': 1.0, "maitred_queue_requests{}": 0.0}
    assert left_over(metrics) == ['maitred_connections{worker="0",state="idle"} is 1']
