"""How CPU per request and throughput change with the number of threads: `bench free-threaded`.

On a free-threaded interpreter, one process can use every core. Every round measures each server
with each number of threads; ratios are those of one round, and then their median.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from gauge.cell import Load, measure
from gauge.results import value
from gauge.servers import Places
from gauge.targets import US

#: Where threads can show what they are worth, and what they cost.
SCALED = ("hello", "flask", "cpu-mix", "compute")

#: Servers with a pool of threads.
POOLED = (US, "granian", "waitress", "gunicorn")


@dataclass(frozen=True)
class Visit:
    """One cell to be measured."""

    round: int
    scenario: str
    server: str
    pool: int


def visits(
    rounds: int, scenarios: list[str], servers: list[str], pools: list[int]
) -> Iterator[Visit]:
    """Every round visits every scenario, and within it every server with every number of threads.

    The turn of the servers rotates, so that nobody always comes after the same other one.
    """
    for number in range(1, rounds + 1):
        first = (number - 1) % len(servers)
        for scenario in scenarios:
            for server in servers[first:] + servers[:first]:
                for pool in pools:
                    yield Visit(number, scenario, server, pool)


def measured(visit: Visit, places: Places, load: Load, scratch: str) -> dict:
    """The cell of a visit, with the number of threads in its pool."""
    cell = measure(visit.server, visit.scenario, places, load, scratch, visit.pool)
    return cell | {"round": visit.round, "pool": visit.pool}


def table(cells: list[dict]) -> str:
    """For each scenario, CPU per request and throughput by the number of threads."""
    lines = [
        "| scenario | server | threads | CPU µs | × fewest threads | × Maitred | req/s "
        "| × fewest threads | switches | remarks |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    rows = dict.fromkeys((c["scenario"], c["server"], c["pool"]) for c in cells)
    fewest = min((c["pool"] for c in cells), default=0)
    for scenario, server, pool in rows:
        key, of_fewest = (scenario, server, pool), (scenario, server, fewest)
        shown = [
            scenario,
            server,
            str(pool),
            _number(_median(_at(cells, key, "cpu_us").values()), 1),
            _number(_ratio(cells, key, of_fewest, "cpu_us"), 2),
            _number(_ratio(cells, key, (scenario, US, pool), "cpu_us"), 2),
            _number(_median(_at(cells, key, "rps").values()), 0),
            _number(_ratio(cells, key, of_fewest, "rps"), 2),
            _number(_median(_at(cells, key, "switches").values()), 2),
            _remarks(cells, key),
        ]
        lines.append("| " + " | ".join(shown) + " |")
    return "\n".join(lines)


Key = tuple[str, str, int]  # scenario, server, threads


def _of(cells: list[dict], key: Key) -> list[dict]:
    return [c for c in cells if (c["scenario"], c["server"], c["pool"]) == key]


def _at(cells: list[dict], key: Key, metric: str) -> dict[int, float]:
    """A figure of each round."""
    return {c["round"]: v for c in _of(cells, key) if (v := value(c, metric)) is not None}


def _ratio(cells: list[dict], key: Key, other: Key, metric: str) -> float | None:
    others = _at(cells, other, metric)
    return _median([v / others[r] for r, v in _at(cells, key, metric).items() if others.get(r)])


def _remarks(cells: list[dict], key: Key) -> str:
    said = [c[word] for c in _of(cells, key) for word in ("failed", "wrong") if word in c]
    return f"{len(said)} rounds: {said[0]}".replace("|", "\\|") if said else ""


def _median(values) -> float | None:
    found = list(values)
    return median(found) if found else None


def _number(figure: float | None, digits: int) -> str:
    return "–" if figure is None else f"{figure:.{digits}f}"
