"""Tests of what `make fuzz-foreign` takes for a difference, and for an explanation of one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from foreign.comparison import Difference, Outcome, differences, outcome
from foreign.form import Reading, Request
from foreign.rules import EXPLANATIONS, explanation

ROOT = Path(__file__).resolve().parents[2]
HEAD = b"GET / HTTP/1.1\r\nHost: a\r\n"
PLAIN: dict[str, Any] = {
    "method": "GET",
    "target": "/",
    "version": "1.1",
    "fields": [["Host", "a"]],
    "body": "",
    "keeps_open": True,
}


def accepted(**other) -> Reading:
    """Return the reading of one request, with something else than usual."""
    return Reading([Request(**{**PLAIN, **other})], "waiting")


def refused(reason: str) -> Reading:
    return Reading([], "refused", reason)


def found(stream: bytes, ours: Reading, theirs: Reading, parser: str = "h11") -> list[Difference]:
    return list(differences(parser, stream, ours, theirs))


def explained(*arguments) -> list[str | None]:
    """Return the rule for each difference, or None where there is no rule."""
    rules = [explanation(difference) for difference in found(*arguments)]
    return [rule and rule.name for rule in rules]


def test_readings_that_are_the_same_have_no_difference():
    assert found(HEAD + b"\r\n", accepted(), accepted()) == []
    assert outcome(accepted(), accepted()) is Outcome.SAME


def test_two_refusals_are_no_difference_whatever_their_reasons():
    assert found(b"\0", refused("request_line"), refused("illegal request line")) == []
    assert outcome(refused("request_line"), refused("illegal")) is Outcome.BOTH_REFUSE


def test_a_refusal_of_what_the_other_parser_waits_for_is_no_difference():
    waiting = Reading([], "waiting")
    assert found(b"GET /\0", waiting, refused("illegal request line")) == []
    assert outcome(waiting, refused("illegal request line")) is Outcome.EARLIER


def test_a_refusal_is_explained_if_the_input_has_what_the_reason_says():
    folded = HEAD + b"X: b\r\n c\r\n\r\n"
    joined = accepted(fields=[["Host", "a"], ["X", "b c"]])
    assert explained(folded, refused("field_line"), joined) == ["folded line"]
    assert explained(HEAD + b"\r\n", refused("field_line"), accepted()) == [None]


def test_a_rule_explains_only_what_its_parsers_do():
    folded = HEAD + b"X: b\r\n c\r\n\r\n"
    assert explained(folded, refused("field_line"), accepted(), "llhttp") == [None]


def test_a_method_that_only_looks_like_a_preface_is_explained():
    theirs = refused("Expected HTTP/2 Connection Preface")
    for method, rule in (("PRI", "method of a preface"), ("PRO", None)):
        stream = f"{method} / HTTP/1.1\r\nHost: a\r\n\r\n".encode()
        assert explained(stream, accepted(method=method), theirs, "llhttp") == [rule]


def test_what_we_accept_and_they_refuse_must_be_valid():
    theirs = Reading(accepted(keeps_open=None).requests, "refused", "illegal chunk header: b'5 '")
    head = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    for line, rule in ((b"5 ;x\r\n", "space in a chunk line"), (b"5 \r\n", None)):
        stream = head + line + b"hello\r\n0\r\n\r\n"
        assert explained(stream, accepted(body="hello"), theirs) == [rule]


def test_another_body_is_never_explained():
    stream = HEAD + b"Content-Length: 1\r\n\r\nx"
    for parser in ("h11", "llhttp"):
        assert explained(stream, accepted(body="x"), accepted(), parser) == [None]
        assert explained(stream, accepted(), accepted(keeps_open=None), parser) == [None]


def test_a_request_more_or_less_is_not_explained():
    one, two = (
        accepted(),
        Reading([*accepted().requests, *accepted().requests], "waiting", "", (0, 9)),
    )
    for ours, theirs in ((one, two), (two, one)):
        assert explained(HEAD + b"\r\n", ours, theirs) == [None]


def test_a_connection_that_only_one_keeps_open_is_explained_for_a_reason_only():
    stream = b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    ours = accepted(version="1.0")
    theirs = Reading([Request(**{**PLAIN, "version": "1.0", "keeps_open": False})], "closed")
    assert explained(stream, ours, theirs) == ["keep alive on request"]
    assert explained(stream, ours, theirs, "llhttp") == [None]
    both = b"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n"
    assert explained(both, theirs, ours, "llhttp") == ["close beside keep alive"]
    assert explained(both, ours, theirs, "llhttp") == [None], "we must close"


def test_every_difference_in_a_head_is_found_and_the_comparison_goes_on():
    ours = Reading([*accepted(target="/b").requests], "refused", "field_line", (0, 9))
    theirs = Reading([*accepted().requests, *accepted().requests], "waiting")
    told = [(it.kind.name, it.what) for it in found(HEAD + b"\r\n", ours, theirs)]
    assert told == [("OTHERWISE", "target"), ("WE_REFUSE", "head")]


def test_rules_name_reasons_that_there_are():
    names = set(
        re.findall(r'=> "(\w+)"', (ROOT / "crates/http-parser/src/rejection.rs").read_text())
    )
    used = {what for rule in EXPLANATIONS if rule.kind.name == "WE_REFUSE" for what in rule.what}
    assert used <= names


def test_the_notes_on_conformance_name_every_rule():
    notes = (ROOT / "docs/conformance-notes.md").read_text()
    assert [rule.name for rule in EXPLANATIONS if f"| {rule.name} |" not in notes] == []
