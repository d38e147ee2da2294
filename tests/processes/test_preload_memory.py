"""Test of the memory that `preload` saves."""

from __future__ import annotations

from pathlib import Path

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
