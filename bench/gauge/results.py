"""Evaluates results: cells, their medians, and ratios within the same round.

A machine's speed wanders by more than the differences of interest. So a ratio is always taken
between two cells of one round, which ran within minutes of each other, and only then its median.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from statistics import median

Key = tuple[str, str, str]  # mode, scenario, server


@dataclass(frozen=True)
class Results:
    """The cells of one run or of several, each a dict as `cell.measure` makes it."""

    cells: list[dict]
    about: dict

    @classmethod
    def read(cls, paths: list[Path]) -> Results:
        """Join the files; a round of one file is never compared with one of another."""
        cells, about = [], {}
        for path in paths:
            document = json.loads(path.read_text())
            about = {k: v for k, v in document.items() if k != "cells"}
            cells += [c | {"round": (str(path), c["round"])} for c in document["cells"]]
        return cls(cells, about)

    def at(self, key: Key) -> list[dict]:
        """All rounds of one cell."""
        return [c for c in self.cells if (c["mode"], c["scenario"], c["server"]) == key]

    def has(self, key: Key, kind: str) -> bool:
        """Whether a round of a cell has figures of this kind."""
        return any(kind in cell for cell in self.at(key))

    def modes(self) -> list[str]:
        """The modes that were run, in their order."""
        return list(dict.fromkeys(c["mode"] for c in self.cells))

    def scenarios(self, mode: str) -> list[str]:
        """The scenarios that were run in a mode, in their order."""
        return list(dict.fromkeys(c["scenario"] for c in self.cells if c["mode"] == mode))

    def servers(self) -> list[str]:
        """The servers that were run, in their order."""
        return list(dict.fromkeys(c["server"] for c in self.cells))

    def median(self, key: Key, metric: str) -> float | None:
        """The median over the rounds; None where there is no figure."""
        return _median([v for c in self.at(key) if (v := value(c, metric)) is not None])

    def ratio(self, key: Key, other: Key, metric: str) -> float | None:
        """The median over the rounds of this by the other in the same round."""
        others = {c["round"]: v for c in self.at(other) if (v := value(c, metric))}
        return _median(
            [
                v / others[c["round"]]
                for c in self.at(key)
                if c["round"] in others and (v := value(c, metric)) is not None
            ]
        )

    def remarks(self, key: Key) -> str:
        """Caveats about the figures."""
        cells, said = self.at(key), []
        for word in ("failed", "wrong"):
            if texts := [c[word] for c in cells if word in c]:
                said.append(f"{word} in {len(texts)} of {len(cells)} rounds: {texts[0]}")
        errors: dict[str, int] = {}
        for cell in cells:
            for kind, count in cell.get("errors", {}).items():
                errors[kind] = errors.get(kind, 0) + count
        said += [f"{count} {kind} errors" for kind, count in errors.items()]
        facts = next((c["facts"] for c in cells if "facts" in c), {})
        if key[1] != "close" and facts.get("keeps_alive") is False:
            said.append("no keep-alive")
        if idle := next((c["idle"] for c in cells if "idle" in c), None):
            said.append(
                f"{idle['open_after']} idle connections, {idle['bytes_each']:.0f} bytes each"
            )
            said.append(f"{idle['bytes_left_each']:.0f} bytes each kept after they closed")
        if (least := self.median(key, "least")) is not None:
            most, newcomers = self.median(key, "most"), self.median(key, "newcomers")
            said.append(f"each connection got {least:.2f} to {most:.2f} of the mean")
            said.append(f"{newcomers:.0%} of the newcomers were answered")
        return "; ".join(said)


def value(cell: dict, metric: str) -> float | None:
    """A figure of a cell; a dot leads into what is nested. A wrong answer has no figures."""
    found: object = None if "wrong" in cell else cell
    for part in metric.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found if isinstance(found, int | float) else None


def _median(values: list[float]) -> float | None:
    return median(values) if values else None
