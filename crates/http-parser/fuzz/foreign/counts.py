"""Counts what the comparison of one parser finds, and keeps what no rule explains."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from foreign.comparison import Difference, Kind, Outcome, differences, outcome
from foreign.form import Reading
from foreign.rules import EXPLANATIONS, explanation

KEPT_MAX = 100
"""The files that are written for a parser: enough to see what is wrong."""


class Counts:
    """What was found of one parser."""

    def __init__(self, parser: str, found: Path) -> None:
        self.parser = parser
        self.found = found
        self.inputs: Counter[Outcome | Kind] = Counter()
        """Inputs by what came of them; of several differences, the last one counts."""
        self.rules: Counter[str] = Counter()
        self.unexplained = 0

    def compare(self, stream: bytes, ours: Reading, theirs: Reading) -> None:
        """Compare two readings of a stream, and count what is found."""
        result: Outcome | Kind | None = None
        for difference in differences(self.parser, stream, ours, theirs):
            result = difference.kind
            explained = explanation(difference)
            if explained:
                self.rules[explained.name] += 1
            else:
                self.unexplained += 1
                self._keep(difference)
        self.inputs[result or outcome(ours, theirs)] += 1

    def _keep(self, difference: Difference) -> None:
        if self.unexplained > KEPT_MAX:
            return
        self.found.mkdir(exist_ok=True)
        what = f"{difference.kind.value}: {difference.what} of request {difference.index}"
        told = {
            "difference": what,
            "input": difference.stream.decode("latin-1"),
            "ours": asdict(difference.ours),
            "theirs": asdict(difference.theirs),
        }
        file = self.found / f"{self.parser}-{self.unexplained}.json"
        file.write_text(json.dumps(told, indent=2) + "\n", encoding="ascii")


def report(parsers: list[Counts]) -> str:
    """Return tables of Markdown, with a column for each parser."""
    names = [counts.parser for counts in parsers]
    lines = row("inputs", *names) + row("---", *["---:"] * len(names))
    for result in (*Outcome, *Kind):
        lines += row(result.value, *(f"{counts.inputs[result]:,}" for counts in parsers))
    lines += row("all", *(f"{counts.inputs.total():,}" for counts in parsers))
    for kind in Kind:
        lines += "\n" + row(kind.value, "rule", *names) + row("---", "---", *["---:"] * len(names))
        for rule in EXPLANATIONS:
            if rule.kind is kind and rule.parsers & set(names):
                numbers = [
                    f"{counts.rules[rule.name]:,}" if counts.parser in rule.parsers else ""
                    for counts in parsers
                ]
                lines += row(rule.name, rule.why, *numbers)
    unexplained = sum(counts.unexplained for counts in parsers)
    return f"{lines}\ndifferences that no rule explains: {unexplained}\n"


def row(*cells: str) -> str:
    """Return a line of a table."""
    return f"| {' | '.join(cells)} |\n"
