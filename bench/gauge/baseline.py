"""The committed numbers of instructions per request, and the comparison with new ones.

They are kept for each build of CPython, because it is most of them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from gauge.servers import BENCH

FILE = BENCH / "instructions.json"
ALLOWANCE = 0.05  # several times what two runs of one program differ by


@dataclass(frozen=True)
class Comparison:
    """One scenario's count beside its baseline."""

    scenario: str
    measured: float
    expected: float

    @property
    def change(self) -> float:
        """The change as a fraction of the baseline."""
        return self.measured / self.expected - 1

    @property
    def is_regression(self) -> bool:
        """Whether more instructions are needed than the allowance permits."""
        return self.measured > self.expected * (1 + ALLOWANCE)

    def __str__(self) -> str:
        if self.is_regression:
            verdict = f"a regression beyond {ALLOWANCE:.0%}"
        elif self.change < -ALLOWANCE:
            verdict = "better: record it with `python3 bench instructions --update`"
        else:
            verdict = "unchanged"
        return (
            f"{self.scenario}: {self.measured:.0f} instructions per request, "
            f"{self.change:+.1%} of {self.expected:.0f}: {verdict}"
        )


def compare(platform: str, measured: dict[str, float], file: Path = FILE) -> list[Comparison]:
    """Compare with the file; `LookupError` where it has no count for this platform or scenario."""
    known = json.loads(file.read_text()).get(platform, {})
    if missing := [name for name in measured if name not in known]:
        raise LookupError(f"{file.name} has no count of {', '.join(missing)} for {platform}")
    return [Comparison(name, count, known[name]) for name, count in measured.items()]


def update(platform: str, measured: dict[str, float], file: Path = FILE) -> None:
    """Write the counts of this platform, and leave the others alone."""
    known = json.loads(file.read_text()) if file.exists() else {}
    known[platform] = known.get(platform, {}) | {k: round(v) for k, v in measured.items()}
    file.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n")
