"""python -m soak: see `__init__.py`. The exit status is 1 if anything did not agree."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import TextIO

from soak.acts import ACTS, Totals, perform
from soak.report import table

SHOWN_PROBLEMS = 30


def write(stream: TextIO, text: str) -> None:
    """Write some lines at once."""
    stream.write(f"{text}\n")
    stream.flush()


def main() -> int:
    """Perform the acts, and print what they have shown."""
    parser = argparse.ArgumentParser(prog="soak", description="Soak the installed program.")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", default=str(random.randrange(1_000_000)), help="as printed")  # noqa: S311
    parser.add_argument("--act", choices=[act.name for act in ACTS], help="only this one")
    options = parser.parse_args()
    acts = [act for act in ACTS if options.act in (None, act.name)]
    whole = sum(act.share for act in acts)
    began = time.monotonic()

    def say(text: str) -> None:
        write(sys.stdout, f"{time.monotonic() - began:7.1f} s  {text}")

    say(f"{options.minutes:g} minutes with --seed={options.seed}")
    folder = Path(tempfile.mkdtemp(prefix="maitred-soak-"))
    together = Totals()
    for number, act in enumerate(acts):
        say(f"act {number}: {act.name} {' '.join(act.arguments)}")
        seconds = options.minutes * 60 * act.share / whole
        totals = perform(act, folder / str(number), f"{options.seed}.{number}", seconds, say)
        together.add_all(totals)
        if totals.problems:
            break
    write(sys.stdout, table(together))
    for problem in together.problems[:SHOWN_PROBLEMS]:
        write(sys.stderr, f"PROBLEM: {problem}")
    if together.problems:
        write(sys.stderr, f"{len(together.problems)} problems; logs are in {folder}")
        return 1
    folder.rmdir()
    return 0


sys.exit(main())
