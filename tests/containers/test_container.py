"""Tests of the image in a container: who it runs as, its limits, its end, its health, its log."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from pipe import Gate
from podman import ADMIN, Container, tried, until

pytestmark = pytest.mark.containers

Start = Callable[..., Container]

#: Larger than `inbuf-overflow`, so that it goes to a file.
LARGE = bytes(range(256)) * 8192


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Return threads for requests that are not answered at once."""
    with ThreadPoolExecutor() as pool:
        yield pool


def test_it_serves_as_its_own_user_with_a_read_only_root_and_writes_to_tmp(
    container: Start,
) -> None:
    facts = container().facts(method="POST", body=LARGE)
    assert (facts["user"], facts["group"]) == (10001, 10001)
    assert set(facts["capabilities"]) == {"0" * 16}
    assert facts["no_new_privileges"]
    assert [folder for folder, may in facts["writes"].items() if may] == ["/tmp"]  # noqa: S108
    assert facts["sha256"] == hashlib.sha256(LARGE).hexdigest()


def test_it_serves_as_a_user_that_the_platform_chooses(container: Start) -> None:
    # One that /etc/passwd does not have, in no group that owns anything.
    facts = container("--user=1000680000:0").facts(method="POST", body=LARGE)
    assert (facts["user"], facts["group"]) == (1_000_680_000, 0)
    assert [folder for folder, may in facts["writes"].items() if may] == ["/tmp"]  # noqa: S108


def test_process_one_is_the_supervisor_and_not_the_application(container: Start) -> None:
    server = container()
    assert server.facts()["pid"] != 1
    assert server.statusz()["supervisor"]["process"]["pid"] == 1


def test_the_demo_is_served_where_nobody_names_an_application(container: Start) -> None:
    response = container(image="maitred").ask()
    assert response.status == 200
    assert b"Maitred" in response.body


def test_podman_stop_ends_it_with_status_0_after_what_runs_has_been_answered(
    container: Start, gate: Gate, pool: ThreadPoolExecutor
) -> None:
    server = container(gate.option)
    asking = pool.submit(server.ask, "/wait")
    pipe = gate.await_one()
    stopping = server.being_stopped()
    server.wait_for("draining: requests in progress will be finished")
    assert server.runs
    os.write(pipe, b"answered")
    os.close(pipe)
    response = asking.result()
    assert stopping.wait() == 0
    assert (response.status, response.body) == (200, b"answered")
    assert server.status == 0


def test_its_health_is_that_of_its_readiness(
    container: Start, gate: Gate, pool: ThreadPoolExecutor
) -> None:
    server = container(gate.option)
    assert healthy(server)
    asking = pool.submit(server.ask, "/wait")
    pipe = gate.await_one()
    stopping = server.being_stopped()
    server.wait_for("draining")
    assert server.probe("/readyz") == 503
    assert not healthy(server)
    os.close(pipe)
    assert asking.result().status == 200
    assert stopping.wait() == 0


def healthy(server: Container) -> bool:
    """Whether the image's HEALTHCHECK succeeds, run by podman."""
    return tried("healthcheck", "run", server.name).returncode == 0


def test_every_line_of_its_log_is_json(container: Start) -> None:
    server = container("--env=MAITRED_ACCESS_LOG=-", "--env=MAITRED_ACCESS_LOG_FORMAT=json")
    assert server.ask().status == 200
    assert server.stop() == 0
    lines = server.logged()
    assert any("serving on" in line.get("message", "") for line in lines)
    assert any(line.get("status") == 200 for line in lines)
    assert any(line.get("message") == "stopped" for line in lines)


def test_it_is_reloaded_from_inside(container: Start) -> None:
    server = container()
    before = server.facts()["pid"]
    reloaded = server.execute("maitred", "reload")
    assert reloaded.returncode == 0, reloaded.stderr
    assert server.facts()["pid"] != before
    assert server.stop() == 0


AUTO = ("--env=MAITRED_WORKERS=auto", "--env=MAITRED_THREADS=auto")


def resolved(server: Container) -> tuple[int, int]:
    """What `auto` has become: workers, and threads of each."""
    workers = server.statusz()["workers"]
    (threads,) = {worker["threads"]["count"] for worker in workers}
    return len(workers), threads


@pytest.mark.parametrize("limit", ["--cpus=1", "--cpuset-cpus=0"])
def test_auto_is_what_the_container_may_use_and_not_what_the_machine_has(
    container: Start, limit: str
) -> None:
    assert resolved(container(*AUTO, limit)) == (1, 4)


def test_auto_is_the_whole_machine_where_there_is_no_limit(container: Start) -> None:
    cpus = len(os.sched_getaffinity(0))
    server = container(*AUTO)
    until(lambda: resolved(server)[0] == cpus, lambda: str(server.statusz()["workers"]))
    assert resolved(server) == (cpus, min(max(4 * cpus, 4), 32))


def test_a_share_of_the_memory_limit_is_one_of_the_containers_own(container: Start) -> None:
    # 25 % of 400 MiB. The limit of the machine would be many times as much, and never exceeded.
    server = container("--memory=400m", "--env=MAITRED_MAX_RSS=25%")
    before = server.facts()["pid"]
    assert server.ask("/grow/40", method="POST", body=b"").status == 200
    assert server.facts()["pid"] == before
    assert server.ask("/grow/80", method="POST", body=b"").status == 200
    until(lambda: server.statusz()["workers"][0]["pid"] != before, lambda: server.log)
    assert server.statusz()["workers"][0]["started_for"] == "max_rss"
    assert server.stop() == 0


def test_a_worker_that_exceeds_the_memory_limit_is_replaced(container: Start) -> None:
    server = container("--memory=160m")
    before = server.facts()["pid"]
    with server.connect() as connection:
        connection.send(b"POST /grow/400 HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n")
        # The kernel has ended it: what it ran is lost.
        connection.read_rest()
    server.wait_for("a worker process died (SIGKILL)")
    server.wait_until_ready()
    assert server.facts()["pid"] != before


def descriptors(soft: int, hard: int) -> tuple[str, ...]:
    """The options that limit descriptors, and, because they replace all defaults, processes."""
    return (f"--ulimit=nofile={soft}:{hard}", "--ulimit=nproc=4096:4096")


def test_the_limit_of_descriptors_is_raised_to_the_hard_one(container: Start) -> None:
    server = container(*descriptors(256, 4096), "--env=MAITRED_CONNECTION_LIMIT=1000")
    told = server.execute("cat", f"/proc/{server.facts()['pid']}/limits").stdout
    (line,) = [line for line in told.splitlines() if line.startswith("Max open files")]
    assert line.split()[3:5] == ["4096", "4096"]


def test_a_hard_limit_of_descriptors_that_is_too_low_is_named(container: Start) -> None:
    server = container(*descriptors(256, 256), "--env=MAITRED_CONNECTION_LIMIT=1000")
    assert any(
        line["level"] == "warning" and "connection-limit" in line["message"]
        for line in server.logged()
    ), server.log


def test_the_status_page_names_the_file_that_a_setting_is_from(container: Start) -> None:
    settings = json.loads(container().ask("/statusz", ADMIN).body)["settings"]
    assert settings["log-format"]["origin"].startswith("/etc/maitred/maitred.toml:")
