"""Tests of the memory that `preload` saves, and of the collector, which must not spoil it."""

from __future__ import annotations

from pathlib import Path

import pytest
from client import request
from observing import molds

FRAMEWORKS = Path(__file__).parent.parent / "frameworks"


def proportional_bytes(pid: int) -> int:
    """The memory of a process, what it shares with others divided among them."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise AssertionError(f"no Pss of {pid}")


def test_preloaded_workers_of_a_django_application_need_less_memory(workers):
    def used(*arguments: str) -> int:
        server = workers(
            "--workers=4",
            "--threads=2",
            f"--python-path={FRAMEWORKS}",
            *arguments,
            app="django_project.wsgi:application",
        )
        server.until_ready(4)
        with server.server.connect() as connection:
            for _ in range(500):
                connection.ask(request("/"))
        total = sum(map(proportional_bytes, server.ready().values()))
        total += sum(proportional_bytes(it["pid"]) for it in molds(server))
        assert server.server.stop() == 0
        return total

    executed, preloaded = used(), used("--preload")
    assert preloaded < 0.7 * executed, (preloaded, executed)


COLLECTED = """
import gc
import json

if SET:
    gc.set_threshold(12345, 6, 7)
AT_IMPORT = gc.get_threshold()


def app(environ, start_response):
    start_response("200 OK", [])
    about = {"import": AT_IMPORT, "now": gc.get_threshold(), "frozen": gc.get_freeze_count()}
    return [json.dumps(about).encode()]
"""


@pytest.mark.parametrize("is_set", [False, True], ids=["as-it-is", "set-by-the-application"])
def test_the_collector_of_a_worker_runs_as_anywhere_and_leaves_alone_what_was_imported(
    workers, tmp_path, is_set
):
    (tmp_path / "collected.py").write_text(f"SET = {is_set}\n{COLLECTED}")
    executed = workers("--workers=1", "--supervisor=always", app="collected:app").ask()
    server = workers("--workers=1", "--preload", app="collected:app")
    forked = server.ask()
    assert forked["now"] == executed["now"]
    assert (forked["now"] == [12345, 6, 7]) is is_set
    assert forked["import"] == (forked["now"] if is_set else [0, *executed["import"][1:]])
    assert executed["frozen"] == 0 < forked["frozen"]
