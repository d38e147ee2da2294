"""Measures one cell: starts a server, checks it, warms it up, loads it, checks it and stops it."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from statistics import mean

from client import ResponseError

from gauge import answers, holding, process_tree, reloading
from gauge.load import NEWCOMERS, Arrivals, Idle, Wrk, admitted_newcomers, pinned
from gauge.running import CellError, Running
from gauge.scenarios import SCENARIOS, Scenario
from gauge.servers import SERVERS, Places, Server

ERRORS = ("connect", "read", "write", "status", "timeout")
FIGURES = {"rps", "reload", "held"}  # what only a cell has that was measured
SETTLE_SECONDS = 0.3  # between closing connections and reading memory


@dataclass(frozen=True)
class Load:
    """The duration and the CPUs of a measurement."""

    seconds: int
    warm_up_seconds: int
    server_cpu: int | None  # None in the unpinned mode: the kernel chooses
    client_cpu: int | None
    seed: int = 1  # what it does by chance


def generator(running: Running, scenario: Scenario, load: Load, seconds: int) -> Wrk | Arrivals:
    """What loads a server in this scenario, begun."""
    if scenario.rate:
        return Arrivals(running.port, scenario, seconds, load.client_cpu, load.seed)
    return Wrk(running.port, scenario, seconds, load.client_cpu)


def measure(
    name: str,
    scenario_name: str,
    places: Places,
    load: Load,
    scratch: str,
    threads: int | None = None,
) -> dict:
    """The result of a cell; without figures, `failed` or `wrong` has the reason.

    With `threads`, the server has so many instead of those of the scenario.
    """
    scenario, cell = SCENARIOS[scenario_name], {"scenario": scenario_name, "server": name}
    if threads is not None:
        scenario = replace(scenario, threads=threads)
    try:
        wrapper = pinned(load.server_cpu)
        with Running(SERVERS[name], scenario, places, scratch, wrapper) as running:
            try:
                answers.wait_for_first(running, scenario)
                cell["facts"] = answers.check(running.port, scenario)
                cell |= _by_kind(running, SERVERS[name], scenario, load)
                answers.check(running.port, scenario)
            except (CellError, OSError) as e:
                cell["failed"] = f"{type(e).__name__}: {e}; its log: {running.log_end()}"
            except (answers.AnswerError, ResponseError) as e:
                cell["wrong"] = f"{'after' if cell.keys() & FIGURES else 'before'} the load: {e}"
    except CellError as e:
        cell["failed"] = str(e)
    return cell


def _by_kind(running: Running, server: Server, scenario: Scenario, load: Load) -> dict:
    """What a scenario of this kind measures."""
    if scenario.holds:
        return holding.figures(running, scenario)
    if scenario.reloads:
        generated = generator(running, scenario, load, load.seconds)
        return reloading.figures(running, generated, server.reload)
    return _figures(running, scenario, load)


def _figures(running: Running, scenario: Scenario, load: Load) -> dict:
    """Load a running server, and compute the cost of a request."""
    if load.warm_up_seconds:
        generator(running, scenario, load, load.warm_up_seconds).result()
        time.sleep(SETTLE_SECONDS)
    fresh = process_tree.cost(running.pid)
    idle = Idle(running.port, scenario)
    if scenario.idle:
        time.sleep(SETTLE_SECONDS)
    before = process_tree.cost(running.pid)

    wrk, besides = _run(running, scenario, load)

    after = process_tree.cost(running.pid)
    open_after = idle.still_open()
    idle.close()
    time.sleep(SETTLE_SECONDS)
    left = process_tree.cost(running.pid)
    if idle.connections:
        count = len(idle.connections)
        besides["idle"] = {
            "answered": count,
            "open_after": open_after,
            "bytes_each": (before.rss_bytes - fresh.rss_bytes) / count,
            "bytes_left_each": (left.rss_bytes - fresh.rss_bytes) / count,
        }
    requests, seconds = wrk["requests"], wrk["duration_us"] / 1e6
    if not requests:
        raise CellError(f"no request was answered: {wrk}")
    cpu_s = after.cpu_s - before.cpu_s
    return besides | {
        "requests": requests,
        "rps": requests / seconds,
        "p50_ms": wrk["p50_us"] / 1000,
        "p99_ms": wrk["p99_us"] / 1000,
        "cpu_us": cpu_s / requests * 1e6,
        "server_busy": cpu_s / seconds,
        "client_busy": wrk["client_cpu_s"] / seconds,
        "busy": (cpu_s + wrk["client_cpu_s"]) / seconds,
        "switches": (after.switches - before.switches) / requests,
        "peak_rss_bytes": after.peak_rss_bytes,
        "rss_bytes": {"before": fresh.rss_bytes, "after": left.rss_bytes},
        "threads": after.threads,
        "errors": {kind: wrk[kind] for kind in ERRORS if wrk[kind]},
    }  # fmt: skip


def _run(running: Running, scenario: Scenario, load: Load) -> tuple[dict, dict]:
    """The result of wrk, and other observations during the load."""
    beside = None
    if scenario.beside:
        beside = Wrk(running.port, scenario.beside, load.seconds, load.client_cpu)
    wrk = generator(running, scenario, load, load.seconds)
    seen: dict = {}
    if scenario.spread:
        admitted = admitted_newcomers(running.port, scenario, load.seconds * 0.8)
        seen["newcomers"] = admitted / NEWCOMERS
    result = wrk.result()
    if beside:
        beside.result()
    if scenario.spread:
        seen |= spread(result["per_connection"])
    return result, seen


def spread(counts: list[int]) -> dict[str, float]:
    """The minimum and maximum number of requests of a connection, divided by the mean."""
    average = mean(counts)
    return {"least": min(counts) / average, "most": max(counts) / average}
