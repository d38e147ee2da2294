"""The order of a run: interleaved, so that changes of the machine affect all servers alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gauge.servers import answers
from gauge.targets import cells_needed


@dataclass(frozen=True)
class Visit:
    """One cell to be measured."""

    round: int
    mode: str
    scenario: str
    server: str


def visits(
    rounds: int, modes: list[str], scenarios: list[str], servers: list[str], needed: bool
) -> Iterator[Visit]:
    """Every round visits every scenario in every mode, and within it every server in turn.

    The turn rotates from round to round, so that nobody always comes after the same other one.
    With `needed`, only those cells are visited which some target looks at.
    """
    wanted = {mode: set(cells_needed(mode)) for mode in modes}
    for number in range(1, rounds + 1):
        for scenario in scenarios:
            for mode in modes:
                first = (number - 1) % len(servers)
                for server in servers[first:] + servers[:first]:
                    if not answers(server, scenario):
                        continue
                    if needed and (scenario, server) not in wanted[mode]:
                        continue
                    yield Visit(number, mode, scenario, server)
