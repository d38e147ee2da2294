"""Where two readings of a stream differ, and what explains each difference.

The differences are of three kinds. That one parser accepts what the other one refuses is a matter
of strictness. That both accept, and see other requests, is what request smuggling is made of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from foreign.form import Reading, Request
from foreign.message import Message


class Kind(Enum):
    """Of what kind a difference is."""

    WE_REFUSE = "we refuse, they accept"
    THEY_REFUSE = "they refuse, we accept"
    OTHERWISE = "both accept, and read otherwise"


class Outcome(Enum):
    """How two readings end that do not differ."""

    SAME = "the same requests"
    BOTH_REFUSE = "the same requests, then both refuse"
    EARLIER = "the same requests, then one refuses what the other one waits to see more of"


@dataclass(frozen=True)
class Difference:
    """A difference, in what both readings say of one request."""

    kind: Kind
    what: str
    """The part of the request; of a refusal, ``head`` or ``body``."""
    parser: str
    stream: bytes
    ours: Reading
    theirs: Reading
    index: int

    @cached_property
    def message(self) -> Message:
        """The request, and what follows it."""
        return Message(self.stream[self.ours.starts[self.index] :])

    @property
    def our_request(self) -> Request:
        """The request, if we accepted its head."""
        return self.ours.requests[self.index]

    @property
    def their_request(self) -> Request:
        """The request, if they accepted its head."""
        return self.theirs.requests[self.index]


@dataclass(frozen=True)
class Explanation:
    """A rule by which a difference may be."""

    name: str
    why: str
    kind: Kind
    parsers: frozenset[str]
    what: frozenset[str]
    """Our reasons for a refusal, or the parts of a request; empty for any."""
    holds: Callable[[Difference], bool]

    def explains(self, difference: Difference) -> bool:
        """Whether the difference follows from this rule."""
        what = difference.ours.reason if self.kind is Kind.WE_REFUSE else difference.what
        return (
            self.kind is difference.kind
            and difference.parser in self.parsers
            and (not self.what or what in self.what)
            and self.holds(difference)
        )


def differences(parser: str, stream: bytes, ours: Reading, theirs: Reading) -> Iterator[Difference]:
    """Give the differences between two readings of a stream, up to one that others follow from."""

    def differ(kind: Kind, what: str) -> Difference:
        return Difference(kind, what, parser, stream, ours, theirs, index)

    for index in range(max(len(ours.requests), len(theirs.requests))):
        our, their = ours.request(index), theirs.request(index)
        if our is None:
            refused = ours.end == "refused"
            yield differ(Kind.WE_REFUSE, "head") if refused else differ(Kind.OTHERWISE, "end")
            return
        if their is None:
            refused = theirs.end == "refused"
            yield differ(Kind.THEY_REFUSE, "head") if refused else differ(Kind.OTHERWISE, "end")
            return
        for part in ("method", "target", "version", "fields"):
            if getattr(our, part) != getattr(their, part):
                yield differ(Kind.OTHERWISE, part)
        if theirs.end == "switched" and their is theirs.requests[-1]:
            yield differ(Kind.OTHERWISE, "end")
            return
        if our.is_complete and not their.is_complete and theirs.end == "refused":
            yield differ(Kind.THEY_REFUSE, "body")
            return
        if their.is_complete and not our.is_complete and ours.end == "refused":
            yield differ(Kind.WE_REFUSE, "body")
            return
        if our.is_complete != their.is_complete:
            yield differ(Kind.OTHERWISE, "body")
            return
        ends_in_body = not our.is_complete and "refused" in (ours.end, theirs.end)
        if our.body != their.body and not ends_in_body:
            yield differ(Kind.OTHERWISE, "body")
            return
        if our.keeps_open != their.keeps_open:
            yield differ(Kind.OTHERWISE, "keeps_open")
            return
    index = len(ours.starts) - 1
    if theirs.end == "switched":
        yield differ(Kind.OTHERWISE, "end")


def outcome(ours: Reading, theirs: Reading) -> Outcome:
    """Return how two readings end that do not differ."""
    refusals = (ours.end, theirs.end).count("refused")
    return (Outcome.SAME, Outcome.EARLIER, Outcome.BOTH_REFUSE)[refusals]
