"""The accounts of a round: clients, access log and metrics have to tell the same.

Without deaths they agree exactly: every request that a client has sent has one line, with the
status that the client saw; for every method and status there are as many lines as the metrics
count; every connection was accepted once and closed once. Where a worker process dies, it takes
with it what it ran, and the lines that it had not yet written; so there are limits instead, from
what the supervisor says was lost.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from soak.ledger import Ledger, Outcome, Sent
from soak.peer import Rules
from soak.program import Metrics

LABELS = re.compile(r'(\w+)="([^"]*)"')
METHODS = {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}
DIED = "a worker process died"
LOST_STATUS = 500  # that of requests which a worker had when it died
NOBODY = "-"  # the identity in lines without a valid request line


@dataclass(frozen=True)
class Line:
    """A line of the access log."""

    identity: str
    method: str
    status: int
    result: str
    bytes: int
    request_bytes: int


def read_lines(texts: list[str]) -> tuple[list[Line], int]:
    """Take the lines apart; and say how many are not whole."""
    lines, torn = [], 0
    for text in texts:
        try:
            found = json.loads(text)
        except ValueError:
            torn += 1
            continue
        method = found.get("method", "OTHER")
        lines.append(
            Line(
                identity=found["target"].rpartition("/")[2] if "target" in found else NOBODY,
                method=method if method in METHODS else "OTHER",
                status=found["status"],
                result=found["result"],
                bytes=found["bytes"],
                request_bytes=found["request_bytes"],
            )
        )
    return lines, torn


@dataclass
class Accounts:
    """What is known of a round when everybody has left."""

    ledger: Ledger
    rules: Rules
    lines: list[Line]
    torn: int
    before: Metrics
    after: Metrics
    records: list[dict]
    """Of the server's log."""
    deaths: list[dict] = field(init=False)

    def __post_init__(self) -> None:
        self.deaths = [it for it in self.records if it["message"].startswith(DIED)]
        self.by_identity: dict[str, list[Line]] = {}
        for line in self.lines:
            self.by_identity.setdefault(line.identity, []).append(line)
        self.named = [it for it in self.ledger.requests.values() if it.is_named]
        self.nameless = [it for it in self.ledger.requests.values() if not it.is_named]
        self.unwritten = [it for it in self.named if it.identity not in self.by_identity]

    def counted(self, family: str, **labels: str) -> float:
        """By how much the series of a family with these labels have grown together."""
        return sum(self._growth(family, labels).values())

    def _growth(self, family: str, labels: dict[str, str]) -> dict[str, float]:
        growth = {}
        for series, value in self.after.items():
            name, _, text = series.partition("{")
            own = dict(LABELS.findall(text))
            if name == family and labels.items() <= own.items():
                growth[series] = value - self.before.get(series, 0)
        return growth

    def requests(self) -> Counter[tuple[str, int]]:
        """Requests by method and status, as the metrics count them."""
        counts: Counter[tuple[str, int]] = Counter()
        for series, value in self._growth("maitred_requests_total", {}).items():
            labels = dict(LABELS.findall(series))
            if value:
                counts[labels["method"], int(labels["code"])] += int(value)
        return counts

    def problems(self) -> list[str]:
        """Everything that does not agree."""
        return [
            *self.ledger.problems,
            *self._of_requests(),
            *self._of_nameless_lines(),
            *self._of_metrics(),
            *self._of_connections(),
            *self._of_the_log(),
        ]

    # For the table at the end.

    def counts(self) -> dict[str, int]:
        """How much of everything there was."""
        outcomes = Counter(it.outcome for it in self.ledger.requests.values())
        return {
            "connections": self.ledger.connections,
            "requests": len(self.ledger.requests),
            **{f"requests {outcome.value}": outcomes[outcome] for outcome in Outcome},
            "connections of dead processes": sum(it["connections"] for it in self.deaths),
            "requests of dead processes": sum(it["running"] + it["waiting"] for it in self.deaths),
            "deaths of workers": len(self.deaths),
            "lines that died with their process": len(
                [it for it in self.unwritten if it.outcome is Outcome.ANSWERED]
            )
            if self.deaths
            else 0,
            "lines dropped": int(self.counted("maitred_log_dropped_total", stream="access")),
            "hand-offs": int(self.counted("maitred_handoffs_total")),
            "workers recycled": int(
                self.counted("maitred_worker_starts_total", reason="max_requests")
            ),
            **{f"{kind.replace('_', ' ')} (clients)": n for kind, n in self.ledger.done.items()},
        }

    def statuses(self) -> Counter[tuple[str, int]]:
        """Requests by who counts them, and status."""
        statuses = Counter(("access log", line.status) for line in self.lines)
        for (_, status), count in self.requests().items():
            statuses["metrics", status] += count
        for sent in self.ledger.requests.values():
            if sent.status is not None:
                statuses["clients", sent.status] += 1
        return statuses

    # Clients and lines.

    def _of_requests(self) -> Iterator[str]:
        known = {it.identity for it in self.named} | {NOBODY}
        for identity, lines in self.by_identity.items():
            if identity not in known:
                yield f"a line of nobody's request: {lines}"
            elif identity != NOBODY and len(lines) > 1:
                yield f"{len(lines)} lines of one request: {lines}"
        for sent in self.named:
            if lines := self.by_identity.get(sent.identity):
                yield from _differences(sent, lines[0], self.rules)
            elif not self._may_be_unwritten(sent):
                yield f"no line of {sent}"
        for sent in self.ledger.requests.values():
            if sent.outcome is Outcome.UNDER_WAY:
                yield f"neither answered nor lost: {sent}"

    def _may_be_unwritten(self, sent: Sent) -> bool:
        if sent.outcome is Outcome.LEFT or self.rules.may_lose_lines:
            return True
        if not self.deaths:
            return False
        # The response says who died with the line; if the server itself made it, nobody knows.
        return sent.pid is None or sent.pid in {death["pid"] for death in self.deaths}

    def _of_nameless_lines(self) -> Iterator[str]:
        lines = Counter(line.status for line in self.by_identity.get(NOBODY, []))
        answered = [it for it in self.nameless if it.outcome is Outcome.ANSWERED]
        if not (self.deaths or self.rules.may_lose_lines):
            for status, count in Counter(it.status for it in answered).items():
                if lines[status] < count:
                    yield f"{count} clients read {status} without a request, {lines[status]} lines"
        if lines.total() > len(self.nameless):
            yield f"{dict(lines)} lines without a request of {len(self.nameless)} clients"

    # Metrics and lines.

    def _of_metrics(self) -> Iterator[str]:
        more = self.requests()
        more.subtract(Counter((line.method, line.status) for line in self.lines))
        less = {key: count for key, count in more.items() if count < 0}
        if less:
            yield f"lines of requests that the metrics do not count: {less}"
        if self.deaths:
            yield from self._within_limits(more)
            return
        dropped = int(self.counted("maitred_log_dropped_total", stream="access"))
        if dropped and not self.rules.may_lose_lines:
            yield f"{dropped} lines of the access log were dropped"
        if more.total() != dropped:
            yield f"counted and neither written nor dropped ({dropped}): {_shown(more)}"
        if self.torn > (0 if not self.rules.may_lose_lines else dropped):
            yield f"{self.torn} lines are not whole, and {dropped} were dropped"
        measured = int(self.counted("maitred_request_duration_seconds_count"))
        if measured != self.requests().total():
            yield f"{measured} durations of {self.requests().total()} requests"
        if not dropped:
            for family, lines in (
                ("maitred_response_body_bytes_total", sum(line.bytes for line in self.lines)),
                ("maitred_request_body_bytes_total", sum(it.request_bytes for it in self.lines)),
            ):
                if (counted := int(self.counted(family))) != lines:
                    yield f"{family} grew by {counted}, and the lines have {lines}"

    def _within_limits(self, more: Counter[tuple[str, int]]) -> Iterator[str]:
        """What died with its process is counted at most once, as the status it had or as 500."""
        ran = sum(death["running"] + death["waiting"] for death in self.deaths)
        by_status: Counter[int] = Counter()
        for (_, status), count in more.items():
            by_status[status] += count
        unknown = sum(it.outcome is not Outcome.ANSWERED for it in self.unwritten)
        unknown += len(self.nameless)
        answered = Counter(it.status for it in self.unwritten if it.outcome is Outcome.ANSWERED)
        for status, count in by_status.items():
            limit = answered[status] + unknown + (ran if status == LOST_STATUS else 0)
            if count > limit:
                yield f"{count} requests with {status} are counted without a line, not {limit}"
        at_most = len(self.unwritten) + len(self.nameless)
        if not answered.total() <= by_status.total() <= at_most:
            yield (
                f"{by_status.total()} requests are counted without a line, between "
                f"{answered.total()} that were answered and {at_most} that were sent"
            )

    # Connections.

    def _of_connections(self) -> Iterator[str]:
        accepted = int(self.counted("maitred_connections_accepted_total"))
        closed = int(self.counted("maitred_connections_closed_total"))
        # One that a process is about to send to another in the moment of its death ends uncounted.
        if not 0 <= accepted - closed <= len(self.deaths):
            yield f"{accepted} connections were accepted, and {closed} ended"
        # One that a process accepts in the moment of its death is not counted.
        if not 0 <= self.ledger.connections - accepted <= len(self.deaths):
            yield f"{self.ledger.connections} connections were made, and {accepted} accepted"
        died = int(self.counted("maitred_connections_closed_total", reason="worker_died"))
        had = sum(death["connections"] for death in self.deaths)
        if died != had:
            yield f"{died} connections are counted as lost, and {had} in the log"
        lost = {(it.client, it.connection) for it in self.lost()}
        if len(lost) > had + len(self.deaths):
            yield f"{len(lost)} connections failed for clients, and {had} died with their process"

    def lost(self) -> list[Sent]:
        """The requests that their clients sent in vain."""
        requests = self.ledger.requests.values()
        return [it for it in requests if it.outcome is Outcome.LOST]

    def _of_the_log(self) -> Iterator[str]:
        if self.deaths and not self.rules.may_lose:
            yield f"workers died: {self.deaths}"
        for record in self.records:
            if "location" in record or "panicked" in record["message"]:
                yield f"a panic: {record}"


def _differences(sent: Sent, line: Line, rules: Rules) -> Iterator[str]:
    """What the client of a request saw that its line does not say."""
    if sent.outcome is Outcome.ANSWERED:
        # Who says that nothing more will come has left a request that is not complete.
        if line.status != sent.status or (line.result != "complete" and line.status < 400):
            yield f"{line} of {sent}"
        elif sent.answer_bytes is not None and line.bytes != sent.answer_bytes:
            yield f"{line} of a response with {sent.answer_bytes} bytes: {sent}"
        elif sent.status == 200 and line.request_bytes != sent.body_bytes:
            yield f"{line} of a request with {sent.body_bytes} bytes: {sent}"
    elif (
        sent.outcome is Outcome.CUT
        and not rules.may_lose
        and (line.status != sent.status or line.result == "complete")
    ):
        yield f"{line} of {sent}"


def _shown(counts: Counter[tuple[str, int]]) -> dict[str, int]:
    return {f"{method} {status}": count for (method, status), count in counts.items() if count}
