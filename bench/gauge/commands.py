"""python3 bench COMMAND: set up, run, compare and tabulate; `python3 bench --help` names them."""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gauge import baseline, callgrind, installation, scaling, table, targets
from gauge.cell import Load, measure
from gauge.results import Results
from gauge.rounds import visits
from gauge.running import CellError
from gauge.scenarios import SCENARIOS
from gauge.servers import BENCH, REPOSITORY, SERVERS, Places

LATEST = BENCH / "results" / "latest.json"
SCALING = BENCH / "results" / "free-threaded.json"
USUAL_SCENARIOS = [
    name for name in SCENARIOS if not name.startswith(("connections", "spread", "idle-"))
]


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit status is 0 when all is well, 1 when not, 2 for wrong usage."""
    options = _parser().parse_args(arguments)
    return options.command(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(function, about: str) -> argparse.ArgumentParser:
        name = function.__name__.lstrip("_").replace("_", "-")
        made = commands.add_parser(name, help=about, description=about)
        made.set_defaults(command=function)
        return made

    command(_setup, "install the peers, wrk and valgrind, and build the floor program")
    command(_list, "name the servers and the scenarios")

    run = command(_run, "load servers in interleaved rounds and write what it cost")
    run.add_argument("--servers", type=_known(SERVERS), default=list(SERVERS))
    run.add_argument("--scenarios", type=_known(SCENARIOS), default=USUAL_SCENARIOS)
    run.add_argument("--modes", type=_known(("pinned", "unpinned")), default=["pinned", "unpinned"])
    run.add_argument("--needed", action="store_true", help="only the cells that the targets need")
    run.add_argument("--rounds", type=int, default=5)
    run.add_argument("--seconds", type=int, default=4, help="seconds of load in each cell")
    run.add_argument(
        "--warm-up", type=int, default=1, help="seconds of load before each measurement"
    )
    run.add_argument("--server-cpu", type=int, default=0, help="in the pinned mode")
    run.add_argument("--client-cpu", type=int, default=1, help="in the pinned mode")
    run.add_argument("--json", type=Path, default=LATEST, help="where to write every cell")

    threads = command(_free_threaded, "tabulate CPU and throughput by the number of threads")
    threads.add_argument("--servers", type=_known(scaling.POOLED), default=list(scaling.POOLED))
    threads.add_argument("--scenarios", type=_known(SCENARIOS), default=list(scaling.SCALED))
    threads.add_argument("--threads", type=_numbers, default=[1, 2, 4], metavar="N,N…")
    threads.add_argument("--rounds", type=int, default=3)
    threads.add_argument("--seconds", type=int, default=2, help="seconds of load in each cell")
    threads.add_argument("--json", type=Path, default=SCALING, help="where to write every cell")

    instructions = command(_instructions, "count instructions per request under callgrind")
    instructions.add_argument("--servers", type=_known(SERVERS), default=["maitred"])
    instructions.add_argument("--scenarios", type=_known(SCENARIOS), default=["hello", "headers"])
    verb = instructions.add_mutually_exclusive_group()
    verb.add_argument("--check", action="store_true", help="fail on a regression")
    verb.add_argument("--update", action="store_true", help="make these counts the new baseline")

    for made in (run, threads, instructions):
        made.add_argument("--maitred", type=Path, default=Places.maitred, metavar="VENV")
        made.add_argument("--peers", type=Path, default=Places.peers, metavar="VENV")
        made.add_argument("--floor", type=Path, default=Places.floor, metavar="PROGRAM")

    shown = command(_table, "print Markdown tables of a run's medians and ratios")
    shown.add_argument("--details", action="store_true", help="every figure of every cell")
    shown.add_argument("--base", default=targets.US, help="the server that ratios refer to")
    checked = command(_targets, "say of every target whether a run kept it")
    for made in (shown, checked):
        made.add_argument("files", type=Path, nargs="*", default=[LATEST])
    return parser


def _known(names):
    """An argument of comma-separated names, each of which has to be known."""

    def split(text: str) -> list[str]:
        chosen = list(names) if text == "all" else text.split(",")
        if unknown := [name for name in chosen if name not in names]:
            said = f"{', '.join(unknown)} not among {', '.join(names)}"
            raise argparse.ArgumentTypeError(said)
        return chosen

    return split


def _numbers(text: str) -> list[int]:
    """An argument of comma-separated numbers above zero."""
    numbers = [int(number) for number in text.split(",")]
    if min(numbers) < 1:
        raise argparse.ArgumentTypeError(f"{text}: each number has to be at least 1")
    return numbers


def _places(options: argparse.Namespace) -> Places:
    return Places(*(path.absolute() for path in (options.maitred, options.peers, options.floor)))


def _setup(_: argparse.Namespace) -> int:
    missing = installation.set_up()
    for line in missing:
        print(f"missing: {line}", file=sys.stderr)
    return 1 if missing else 0


def _list(_: argparse.Namespace) -> int:
    for name, server in SERVERS.items():
        print(f"{name:24}{'without ' + server.lacks if server.lacks else ''}")
    print()
    for name, scenario in SCENARIOS.items():
        print(f"{name:24}{scenario.about}")
    return 0


def _run(options: argparse.Namespace) -> int:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    places, cells = _places(options), []
    document = {"about": _about(places), "arguments": sys.argv[1:], "cells": cells}
    document["about"] |= {"seconds": options.seconds, "rounds": options.rounds}
    plan = list(
        visits(options.rounds, options.modes, options.scenarios, options.servers, options.needed)
    )
    options.json.parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix="maitred-bench-") as scratch:
            for number, visit in enumerate(plan, 1):
                pinned = visit.mode == "pinned"
                load = Load(
                    options.seconds,
                    options.warm_up,
                    options.server_cpu if pinned else None,
                    options.client_cpu if pinned else None,
                    visit.round,
                )
                cell = measure(visit.server, visit.scenario, places, load, scratch)
                cells.append(cell | {"mode": visit.mode, "round": visit.round})
                print(f"{number}/{len(plan)} {_line(cells[-1])}", file=sys.stderr, flush=True)
                options.json.write_text(json.dumps(document, indent=1) + "\n")
    except KeyboardInterrupt:
        print("interrupted; what was measured is written", file=sys.stderr)
    results = Results.read([options.json])
    print(table.details(results), end="\n\n")
    print(table.summary(results))
    return 1 if any("failed" in c or "wrong" in c for c in cells) else 0


def _free_threaded(options: argparse.Namespace) -> int:
    """Measure each server with each number of threads; the environments say which interpreter."""
    places, cells = _places(options), []
    document = {"about": _about(places), "arguments": sys.argv[1:], "cells": cells}
    document["about"]["interpreter"] = _interpreter(places)
    print(f"on {document['about']['interpreter']}", file=sys.stderr)
    plan = list(scaling.visits(options.rounds, options.scenarios, options.servers, options.threads))
    options.json.parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix="maitred-bench-") as scratch:
            for number, visit in enumerate(plan, 1):
                load = Load(options.seconds, 1, None, None, visit.round)
                cell = scaling.measured(visit, places, load, scratch)
                cells.append(cell | {"mode": f"{visit.pool} threads"})
                print(f"{number}/{len(plan)} {_line(cells[-1])}", file=sys.stderr, flush=True)
                options.json.write_text(json.dumps(document, indent=1) + "\n")
    except KeyboardInterrupt:
        print("interrupted; what was measured is written", file=sys.stderr)
    print(f"{document['about']['interpreter']}, medians of {options.rounds} rounds", end="\n\n")
    print(scaling.table(cells))
    return 1 if any("failed" in c or "wrong" in c for c in cells) else 0


def _interpreter(places: Places) -> str:
    """The interpreter that runs Maitred, and whether its GIL is off."""
    script = (
        "import platform, sys;"
        "gil = getattr(sys, '_is_gil_enabled', lambda: True)();"
        "print(platform.python_implementation(), platform.python_version(),"
        "'with a GIL' if gil else 'without a GIL')"
    )
    python = places.maitred / "bin" / "python"
    return subprocess.check_output([python, "-c", script], text=True).strip()


def _line(cell: dict) -> str:
    head = f"round {cell['round']} {cell['mode']} {cell['scenario']} {cell['server']}:"
    if trouble := cell.get("failed") or cell.get("wrong"):
        return f"{head} {trouble}"
    if counts := cell.get("reload") or cell.get("held"):
        return f"{head} {', '.join(f'{value:.0f} {name}' for name, value in counts.items())}"
    figures = f"{cell['cpu_us']:.1f} µs CPU, {cell['rps']:.0f}/s, p99 {cell['p99_ms']:.1f} ms"
    return f"{head} {figures}, {cell['switches']:.2f} switches"


def _about(places: Places) -> dict:
    """Describe the machine and the versions, without which the figures mean nothing."""
    script = (
        "import json,importlib.metadata as m;"
        "print(json.dumps({d.name.lower(): d.version for d in m.distributions()}))"
    )
    versions: dict[str, str] = {}
    for folder in (places.peers, places.maitred):
        if (python := folder / "bin" / "python").exists():
            versions |= json.loads(subprocess.check_output([python, "-c", script]))
    packages = {s.package for s in SERVERS.values()} | {"flask", "django"}
    commit = ["git", "-C", str(REPOSITORY), "describe", "--always", "--dirty"]
    described = subprocess.run(commit, capture_output=True, text=True, check=False)
    return {
        "when": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()),
        "commit": described.stdout.strip(),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.release()}, {os.cpu_count()} CPUs",
        "versions": {name: v for name, v in sorted(versions.items()) if name in packages},
    }


def _table(options: argparse.Namespace) -> int:
    results = Results.read(options.files)
    print((table.details if options.details else table.summary)(results, options.base))
    return 0


def _targets(options: argparse.Namespace) -> int:
    text, kept = targets.report(Results.read(options.files))
    print(text)
    return 0 if kept else 1


def _instructions(options: argparse.Namespace) -> int:
    places = _places(options)
    counts: dict[str, dict[str, float]] = {}
    for server in options.servers:
        for scenario in options.scenarios:
            try:
                count = callgrind.per_request(server, scenario, places)
            except CellError as e:
                print(f"{server} {scenario}: {e}", file=sys.stderr)
                return 1
            counts.setdefault(server, {})[scenario] = count
            print(f"{server} {scenario}: {count:.0f} instructions per request", flush=True)
    ours = counts.get(targets.US, {})
    if options.update:
        baseline.update(_platform(places), ours)
    elif options.check:
        try:
            comparisons = baseline.compare(_platform(places), ours)
        except LookupError as e:
            # Another build of CPython needs other counts: there is nothing to compare with.
            print(f"not compared: {e.args[0]}; write one with --update", file=sys.stderr)
            return 0
        print(*comparisons, sep="\n")
        return 1 if any(c.is_regression for c in comparisons) else 0
    return 0


def _platform(places: Places) -> str:
    """Such as cpython-311-x86_64-0a1b2c3d, of the interpreter that runs the application.

    The last part tells one build from another, which may differ by far more than the allowance.
    """
    script = (
        "import platform, sys, zlib;"
        "build = f'{zlib.crc32(sys.version.encode()):08x}';"
        "print(sys.implementation.cache_tag, platform.machine(), build, sep='-')"
    )
    python = places.maitred / "bin" / "python"
    return subprocess.check_output([python, "-c", script], text=True).strip()
