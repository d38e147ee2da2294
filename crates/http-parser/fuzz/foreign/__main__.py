"""Compare what Maitred and the foreign parsers make of one batch of inputs after another.

A difference that no rule explains is left in a file of ``found``, with its input, and makes the
run fail at its end. ``report.md`` has what was counted so far. ``run`` prepares what this needs.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from foreign.counts import Counts, report
from foreign.form import batch_line, reading_line
from foreign.rules import H11, HTTPTOOLS, LLHTTP

READERS = Path(__file__).resolve().parent / "readers"
INPUTS = 20_000
"""The inputs of a batch: some seconds of work, and some megabytes of files."""


def main() -> int:
    """Compare for as long as is asked for, and say what came of it."""
    options = parsed_options()
    python = [sys.executable, "-u"]  # so that a crash shows at which input it was
    readers = {
        H11: [*python, str(READERS / "read_h11.py")],
        HTTPTOOLS: [*python, str(READERS / "read_httptools.py")],
        LLHTTP: ["node", str(READERS / "read_llhttp.mjs"), str(options.llhttp.resolve())],
    }
    options.work.mkdir(parents=True, exist_ok=True)
    counts = [Counts(parser, options.work / "found") for parser in options.parsers or readers]
    for parser in counts:
        end = time.monotonic() + options.seconds
        number = options.first_batch
        while time.monotonic() < end:
            compare_batch(number, readers[parser.parser], options, parser)
            (options.work / "report.md").write_text(report(counts), encoding="utf-8")
            number += 1
        print(f"{parser.parser}: compared batches {options.first_batch} to {number - 1}")
    print(report(counts), end="")
    if any(parser.unexplained for parser in counts):
        print(f"they are in {options.work / 'found'}", file=sys.stderr)
        return 1
    return 0


def parsed_options() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(prog="foreign/run", description=__doc__.partition("\n")[0])
    parser.add_argument("--batch-program", type=Path, required=True)
    parser.add_argument("--llhttp", type=Path, required=True, help="undici's file with llhttp")
    parser.add_argument("--work", type=Path, required=True, help="where everything is written to")
    parser.add_argument("--seeds", type=Path, required=True, help="a folder")
    parser.add_argument("--seconds", type=int, default=60, help="for each parser")
    parser.add_argument("--first-batch", type=int, default=0)
    parser.add_argument("parsers", nargs="*", help="h11, httptools, llhttp; all by default")
    options = parser.parse_args()
    unknown = set(options.parsers) - {H11, HTTPTOOLS, LLHTTP}
    if unknown:
        parser.error(
            f"no such parser: {', '.join(sorted(unknown))}; there are h11, httptools, llhttp"
        )
    return options


def compare_batch(
    number: int, reader: list[str], options: argparse.Namespace, counts: Counts
) -> None:
    """Make a batch, have it read, and compare."""
    batch = options.work / "batch.jsonl"
    readings = options.work / "readings.jsonl"
    program = [str(options.batch_program), str(number), str(INPUTS), str(options.seeds)]
    with batch.open("wb") as made:
        subprocess.run(program, stdout=made, check=True)
    with batch.open("rb") as lines, readings.open("wb") as read:
        status = subprocess.run(reader, stdin=lines, stdout=read, check=False).returncode
    with batch.open(encoding="utf-8") as lines, readings.open(encoding="utf-8") as read:
        for line in lines:
            stream, ours = batch_line(line)
            answer = read.readline()
            if not answer.endswith("\n"):
                reader_of = f"the reader of {counts.parser}"
                sys.exit(f"error: {reader_of} ended with status {status} at {stream!r}")
            counts.compare(stream, ours, reading_line(answer))


if __name__ == "__main__":
    sys.exit(main())
