"""The performance targets, and the check of a run against them.

Each target is a ratio between two cells of the same round, or a figure on its own. Most are about
CPU per request, because that is what a machine's noise disturbs least.
"""

from __future__ import annotations

from dataclasses import dataclass

from gauge.results import Key, Results

US = "maitred"


@dataclass(frozen=True)
class Other:
    """What is divided by; what is left out is the same as in the cell at hand."""

    server: str = US
    scenario: str | None = None
    mode: str | None = None


@dataclass(frozen=True)
class Target:
    """`must` is required, `aim` is desired; a metric with `at_least` is better when larger."""

    scenario: str
    metric: str
    other: Other | None
    must: float | None
    aim: float | None = None
    at_least: bool = False
    server: str = US
    modes: tuple[str, ...] = ("pinned", "unpinned")

    def keys(self, mode: str) -> tuple[Key, Key | None]:
        """The cell at hand, and the one that it is divided by."""
        own = (mode, self.scenario, self.server)
        if self.other is None:
            return own, None
        other = self.other
        return own, (other.mode or mode, other.scenario or self.scenario, other.server)

    def measured(self, results: Results, mode: str) -> float | None:
        """The median ratio or figure; None when the run does not have it."""
        own, other = self.keys(mode)
        if other is None:
            return results.median(own, self.metric)
        return results.ratio(own, other, self.metric)

    def holds(self, measured: float, limit: float) -> bool:
        """Whether the figure keeps the limit, which itself is allowed."""
        return measured >= limit if self.at_least else measured <= limit

    def text(self) -> str:
        """What is compared, in words."""
        said = f"{self.scenario}: {self.metric}"
        if self.server != US:
            said += f" of {self.server}"
        if self.other is not None:
            said += f" ÷ {self.other.server}"
            if self.other.scenario:
                said += f" {self.other.scenario}"
            if self.other.mode:
                said += f" {self.other.mode}"
        return said


def _cpu(scenario: str, server: str, must: float | None, aim: float | None = None) -> Target:
    return Target(scenario, "cpu_us", Other(server), must, aim)


TARGETS = (
    _cpu("hello", "bjoern", 0.95, 0.85),
    _cpu("hello", "floor", 1.35, 1.2),
    _cpu("headers", "fastwsgi", 0.85, 0.75),
    _cpu("headers", "bjoern", 0.7),
    _cpu("post-64k", "fastwsgi", 0.9, 0.75),
    _cpu("get-1m", "granian", 0.9),
    _cpu("get-1m", "fastwsgi", None, 1.0),
    _cpu("stream", "granian", 0.95, 0.7),
    Target("stream", "facts.alone_ms", None, 20),  # a stall of Nagle's takes 40
    _cpu("file", "granian", 0.3),
    _cpu("file", "floor", None, 1.2),
    _cpu("close", "bjoern", 1.25, 1.1),
    Target("sleep", "rps", None, 1540, at_least=True),
    _cpu("sleep", "granian", 1.0, 0.7),
    Target("cpu-mix", "rps", Other("bjoern"), 1.0, at_least=True),
    Target("cpu-mix", "p99_ms", Other("bjoern"), 1.5, 1.0),
    _cpu("flask", "bjoern", 1.05, 0.9),
    _cpu("django", "bjoern", 1.05, 0.9),
    *(
        Target(name, "cpu_us", Other(mode="pinned"), 1.05, modes=("unpinned",))
        for name in ("hello", "cpu-mix")
    ),
    Target("hello", "rps", Other("waitress"), None, 40, at_least=True, modes=("unpinned",)),
    Target("idle", "idle.open_after", None, 5000, at_least=True),
    Target("idle", "idle.bytes_each", None, 2048),
    Target("idle", "idle.bytes_left_each", None, None, 1024),  # the allocator may keep some
    Target("idle", "cpu_us", Other(scenario="hello"), 1.1),
    *(
        Target(name, "switches", None, 0.3, 0.1)
        for name in ("hello", "headers", "cpu-mix", "flask", "django")
    ),
    Target("hello", "cpu_us", Other(), 1.03, server="maitred-metrics"),
    Target("hello", "cpu_us", Other(), 1.1, server="maitred-log"),
    *(
        target
        for name in ("spread", "spread-hello", "spread-beside-pipeline")
        for target in (
            Target(name, "least", None, 0.5, at_least=True),
            Target(name, "most", None, 2.0),
            Target(name, "newcomers", None, 1.0, at_least=True),
        )
    ),
    *(
        target
        for count in (256, 1000, 4000, 10_000)
        for target in (
            # Many sockets cost the kernel and its caches more, hence the floor at that count.
            _cpu(f"connections-{count}", "floor", 1.35),
            Target(f"connections-{count}", "cpu_us", Other(scenario="connections-64"), None, 1.2),
        )
    ),
)


#: Two processes use two processors, so these are for the unpinned mode.
UNPINNED = ("unpinned",)

TARGETS += (
    Target("hello", "cpu_us", Other(), 1.03, server="maitred-supervised"),
    Target("compute", "rps", Other(), 1.9, at_least=True, server="maitred-2", modes=UNPINNED),
    *(
        target
        for name in ("cpu-mix", "flask", "django")
        for target in (
            # The load generator needs a part of the same two processors.
            Target(name, "busy", None, 1.9, at_least=True, server="maitred-2", modes=UNPINNED),
            Target(name, "cpu_us", Other(), 1.05, server="maitred-2", modes=UNPINNED),
        )
    ),
    *(
        Target("arrivals", "p99_ms", Other(peer), 0.5, server="maitred-2", modes=UNPINNED)
        for peer in ("gunicorn-2", "granian-2", "uwsgi-2")
    ),
    *(
        Target(name, "p99_ms", Other("maitred-twice"), 1.15, server="maitred-2", modes=UNPINNED)
        for name in ("arrivals", "arrivals-close")
    ),
    Target("close", "cpu_us", Other(), 1.15, server="maitred-2", modes=UNPINNED),
    *(
        Target("reload", f"reload.{count}", None, 0, server=server, modes=UNPINNED)
        for server in ("maitred-2", "maitred-supervised")
        for count in ("failed", "reconnects")
    ),
    # The limits are outbuf-overflow and inbuf-overflow, whose buffer may be larger by a half.
    Target("unread", "held.bytes_each", None, 1 << 20, 64 << 10, modes=UNPINNED),
    Target("half-bodies", "held.bytes_each", None, 768 << 10, modes=UNPINNED),
    *(
        Target(name, "held.answered", None, 1, at_least=True, modes=UNPINNED)
        for name in ("unread", "half-bodies")
    ),
    *(
        target
        for count in (1000, 10_000)
        for target in (
            Target(f"idle-{count}", "idle.open_after", None, count, at_least=True, modes=UNPINNED),
            Target(f"idle-{count}", "idle.bytes_each", None, 2048, modes=UNPINNED),
            Target(f"idle-{count}", "cpu_us", Other(scenario="hello"), 1.1, modes=UNPINNED),
        )
    ),
)


def cells_needed(mode: str) -> list[tuple[str, str]]:
    """The scenarios and servers which some target of this mode looks at, without repetition."""
    needed: dict[tuple[str, str], None] = {}
    for target in TARGETS:
        for wanted in target.modes:
            for key in target.keys(wanted):
                if key is not None and key[0] == mode:
                    needed[key[1], key[2]] = None
    return list(needed)


def report(results: Results) -> tuple[str, bool]:
    """Every target in every mode that was run, in Markdown; and whether no must is missed."""
    lines = ["| mode | target | measured | must | aim | |", "|---|---|--:|--:|--:|---|"]
    kept = True
    for mode in results.modes():
        for target in TARGETS:
            if mode not in target.modes:
                continue
            measured = target.measured(results, mode)
            verdict = _verdict(target, measured)
            if any("failed" in c or "wrong" in c for c in results.at(target.keys(mode)[0])):
                verdict = "FAILED"  # in some round, and the others do not make up for that
            kept = kept and verdict not in ("MISSED", "FAILED")
            sign = "≥" if target.at_least else "≤"
            limits = ["" if x is None else f"{sign} {x:g}" for x in (target.must, target.aim)]
            shown = (
                "–"
                if measured is None
                else f"{measured:.3g}"
                if measured < 1000
                else f"{measured:.0f}"
            )
            cells = [mode, target.text(), shown, *limits, verdict]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines), kept


def _verdict(target: Target, measured: float | None) -> str:
    if measured is None:
        return "not measured"
    if target.must is not None and not target.holds(measured, target.must):
        return "MISSED"
    if target.aim is None:
        return "holds"
    if target.holds(measured, target.aim):
        return "aim reached"
    return "holds" if target.must is not None else "aim missed"
