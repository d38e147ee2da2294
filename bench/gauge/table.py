"""Tables in Markdown: one to quote, which compares everybody with us, and one with everything."""

from __future__ import annotations

from gauge.results import Key, Results
from gauge.targets import US

COLUMNS = ("server", "CPU µs", "×", "req/s", "×", "p50 ms", "p99 ms", "server %", "wrk %",
           "switches", "MiB", "remarks")  # fmt: skip


#: What is not about CPU: its heading, and its columns with the figure, the digits and the scale.
COUNTS = {
    "reload": (
        "New code under load",
        (
            ("requests", "reload.requests", 0, 1),
            ("failed", "reload.failed", 0, 1),
            ("reconnects", "reload.reconnects", 0, 1),
            ("p99 ms", "p99_ms", 0, 1),
        ),
    ),
    "held": (
        "What each connection holds",
        (
            ("connections", "held.connections", 0, 1),
            ("memory KB", "held.bytes_each", 1, 1e-3),
            ("disk KB", "held.disk_bytes_each", 0, 1e-3),
            ("memory KB left", "held.bytes_left_each", 1, 1e-3),
            ("newcomers answered", "held.answered", 2, 1),
        ),
    ),
}


def counts(results: Results) -> str:
    """For each mode, a table of each kind of scenario that counts something else than CPU."""
    parts = []
    for mode in results.modes():
        for kind, (heading, columns) in COUNTS.items():
            rows = [
                f"| {scenario} | {server} | {' | '.join(cells)} |"
                for scenario in results.scenarios(mode)
                for server in results.servers()
                if results.has((mode, scenario, server), kind)
                and (cells := _counted(results, (mode, scenario, server), columns))
            ]
            if rows:
                head = ["scenario", "server", *(name for name, *_ in columns)]
                parts.append(
                    "\n".join(
                        [
                            f"{heading}, {mode} ({_rounds(results, mode)} rounds, medians)",
                            "",
                            f"| {' | '.join(head)} |",
                            "|---|---|" + "--:|" * len(columns),
                            *rows,
                        ]
                    )
                )
    return "\n\n".join(parts)


def _is_counted(results: Results, mode: str, scenario: str) -> bool:
    """Whether a scenario is not about CPU, and has a table of its own."""
    keys = [(mode, scenario, server) for server in results.servers()]
    return any(results.has(key, kind) for key in keys for kind in COUNTS)


def _counted(results: Results, key: Key, columns: tuple) -> list[str]:
    cells = []
    for _, metric, digits, scale in columns:
        found = results.median(key, metric)
        cells.append(_number(None if found is None else found * scale, digits))
    return cells


def summary(results: Results, base: str = US) -> str:
    """For each mode, CPU per request of `base`, and of the others as multiples of it."""
    base = _present(results, base)
    others = [name for name in results.servers() if name != base]
    parts = []
    for mode in results.modes():
        with_cpu = [it for it in results.scenarios(mode) if not _is_counted(results, mode, it)]
        if not with_cpu:
            continue
        lines = [f"Server CPU per request, {mode} ({_rounds(results, mode)} rounds, medians)", ""]
        lines.append("| " + " | ".join(["scenario", f"{base}, µs", *others]) + " |")
        lines.append("|---|" + "--:|" * (1 + len(others)))
        for scenario in with_cpu:
            own = (mode, scenario, base)
            row = [scenario, _number(results.median(own, "cpu_us"), 1)]
            for name in others:
                ratio = results.ratio((mode, scenario, name), own, "cpu_us")
                row.append("–" if ratio is None else f"{ratio:.2f} ×")
            lines.append("| " + " | ".join(row) + " |")
        parts.append("\n".join(lines))
    return "\n\n".join([*parts, counts(results)])


def details(results: Results, base: str = US) -> str:
    """For each mode and scenario a table of every figure, the cheapest server first."""
    base = _present(results, base)
    parts = []
    for mode in results.modes():
        for scenario in results.scenarios(mode):
            if _is_counted(results, mode, scenario):
                continue
            lines = [f"### {scenario}, {mode}", "", "| " + " | ".join(COLUMNS) + " |"]
            lines.append("|---|" + "--:|" * (len(COLUMNS) - 2) + "---|")
            names = [n for n in results.servers() if results.at((mode, scenario, n))]
            names.sort(key=lambda n: results.median((mode, scenario, n), "cpu_us") or float("inf"))
            lines += [_row(results, mode, scenario, name, base) for name in names]
            parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _present(results: Results, base: str) -> str:
    """The server that ratios refer to: the first one where the wanted one was not run."""
    return base if base in results.servers() else results.servers()[0]


def _row(results: Results, mode: str, scenario: str, name: str, base: str) -> str:
    key, of_base = (mode, scenario, name), (mode, scenario, base)

    def shown(metric: str, digits: int, scale: float = 1) -> str:
        found = results.median(key, metric)
        return _number(None if found is None else found * scale, digits)

    cells = [
        name,
        shown("cpu_us", 1),
        _number(results.ratio(key, of_base, "cpu_us"), 2),
        shown("rps", 0),
        _number(results.ratio(key, of_base, "rps"), 2),
        shown("p50_ms", 2),
        shown("p99_ms", 2),
        shown("server_busy", 0, 100),
        shown("client_busy", 0, 100),
        shown("switches", 2),
        shown("peak_rss_bytes", 0, 1 / (1 << 20)),
        results.remarks(key).replace("|", "\\|"),
    ]
    return "| " + " | ".join(cells) + " |"


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _rounds(results: Results, mode: str) -> int:
    return len({c["round"] for c in results.cells if c["mode"] == mode})
