"""Some rounds of the soak, so that what it does at night works every day."""

from __future__ import annotations

import pytest

from soak.acts import LIMITS, TIMEOUTS
from soak.faults import FAULTS
from soak.program import Program
from soak.rounds import play

ROUNDS = ("reload", "kill")


@pytest.fixture
def supervised(tmp_path):
    """Return a server with two worker processes."""
    program = Program(tmp_path, *TIMEOUTS, *LIMITS, "--workers=2")
    yield program
    program.kill()


@pytest.mark.parametrize("name", ROUNDS)
def test_the_accounts_of_a_round_balance(supervised, name):
    fault = next(it for it in FAULTS if it.name == name)
    supervised.until(lambda: supervised.ask_admin("/readyz") == b"ok\n", "ready")
    result, _ = play(supervised, fault, f"short.{name}", supervised.metrics())
    assert result.problems == []
    assert result.counts["requests answered"] > 100
    assert supervised.end() == 0
