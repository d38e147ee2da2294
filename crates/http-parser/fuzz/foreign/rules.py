"""The rules by which a difference between two parsers is explained.

Each looks at the input, at the reason of a refusal, or at both; none knows an input by heart. Their
names and what they say are what ``docs/conformance-notes.md`` counts and explains.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from foreign.comparison import Difference, Explanation, Kind
from foreign.message import (
    CHUNK_LINE,
    ONCE,
    TOKEN,
    fields,
    has_bare_line_end,
    is_host,
    is_target,
    size_digits,
)

H11, HTTPTOOLS, LLHTTP = "h11", "httptools", "llhttp"
PARSERS = (H11, HTTPTOOLS, LLHTTP)
BOTH_LLHTTPS = (HTTPTOOLS, LLHTTP)

EXPLANATIONS: list[Explanation] = []

Rule = Callable[[Difference], bool]


def rule(kind: Kind, parsers: tuple[str, ...], *what: str) -> Callable[[Rule], Rule]:
    """Make an explanation of a function: its name, what it says of itself, and what it tests."""

    def explain(holds: Rule) -> Rule:
        name = holds.__name__.replace("_", " ")
        why = " ".join((holds.__doc__ or "").split())
        EXPLANATIONS.append(
            Explanation(name, why, kind, frozenset(parsers), frozenset(what), holds)
        )
        return holds

    return explain


def explanation(difference: Difference) -> Explanation | None:
    """Return the first rule that explains a difference."""
    return next((it for it in EXPLANATIONS if it.explains(difference)), None)


# What we refuse.


@rule(Kind.WE_REFUSE, (H11,), "bare_line_end")
def bare_line_end(it: Difference) -> bool:
    """RFC 9112 §2.2 allows a bare LF as a line end, and no bare CR; we refuse both."""
    message = it.message
    if it.what == "head":
        return has_bare_line_end(message.empty_lines + message.head.content)
    return has_bare_line_end(b"".join(message.chunk_lines) + message.trailer.content)


@rule(Kind.WE_REFUSE, BOTH_LLHTTPS, "bare_line_end", "request_line")
def bare_empty_line(it: Difference) -> bool:
    """RFC 9112 §2.2, too; llhttp takes a bare CR or LF before a request for an empty line."""
    return has_bare_line_end(it.message.empty_lines)


@rule(Kind.WE_REFUSE, BOTH_LLHTTPS, "request_line")
def many_empty_lines(it: Difference) -> bool:
    """RFC 9112 §2.2 asks for one empty line before a request to be skipped; we skip four."""
    return it.message.empty_lines.count(b"\n") > 4


@rule(Kind.WE_REFUSE, BOTH_LLHTTPS, "request_line")
def spaces_in_a_request_line(it: Difference) -> bool:
    """RFC 9112 §3: one space stands between the parts of a request line."""
    return b"  " in it.message.request_line or b" \t" in it.message.request_line


@rule(Kind.WE_REFUSE, BOTH_LLHTTPS, "request_line", "bare_line_end")
def no_version(it: Difference) -> bool:
    """RFC 9112 §3: a request line ends in a version; without one it is HTTP/0.9."""
    return re.search(rb" +[^ ]+ +HTTP/\d", it.message.request_line) is None


@rule(Kind.WE_REFUSE, PARSERS, "version", "http2")
def other_version(it: Difference) -> bool:
    """RFC 9110 §15.6.6: we speak HTTP/1.0 and HTTP/1.1, and refuse others."""
    return re.fullmatch(rb"HTTP/\d\.\d", it.message.version) is not None


@rule(Kind.WE_REFUSE, PARSERS, "connect")
def connect(it: Difference) -> bool:
    """RFC 9110 §9.3.6: an origin server has no tunnel to offer."""
    return it.message.method == b"CONNECT"


@rule(Kind.WE_REFUSE, PARSERS, "target")
def target_in_no_form(it: Difference) -> bool:
    """RFC 9112 §3.2: a target has one of four forms, and no fragment."""
    return not is_target(it.message.method, it.message.target)


@rule(Kind.WE_REFUSE, (H11,), "field_line")
def folded_line(it: Difference) -> bool:
    """RFC 9112 §5.2 allows spaces in place of the fold, or 400; we refuse it."""
    return any(line[:1] in (b" ", b"\t") for line in it.message.head.lines)


@rule(Kind.WE_REFUSE, (H11,), "field_line")
def control_character(it: Difference) -> bool:
    """RFC 9110 §5.5: a value has no control characters; h11 excludes only white space and NUL."""
    return (
        re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", b"".join(it.message.head.lines)) is not None
    )


@rule(Kind.WE_REFUSE, PARSERS, "host")
def host(it: Difference) -> bool:
    """RFC 9112 §3.2: HTTP/1.1 needs Host once, and valid; llhttp leaves that to its caller."""
    hosts = it.message.values(b"host")
    return len(hosts) != 1 or not is_host(hosts[0])


@rule(Kind.WE_REFUSE, (H11,), "content_length")
def repeated_length(it: Difference) -> bool:
    """RFC 9110 §8.6 allows several equal lengths to be taken for one; we refuse them."""
    lengths = it.message.members(b"content-length")
    return len(lengths) > 1 and len(set(lengths)) == 1


@rule(Kind.WE_REFUSE, BOTH_LLHTTPS, "content_length")
def length_of_many_digits(it: Difference) -> bool:
    """RFC 9110 §8.6 has no limit of digits; ours is 100."""
    return any(
        len(length) > 100 and length.isdigit() for length in it.message.values(b"content-length")
    )


@rule(Kind.WE_REFUSE, PARSERS, "body_too_large")
def large_body(it: Difference) -> bool:
    """RFC 9110 §15.5.14: a body has a limit, by default of 1 GiB; they have none."""
    lengths = [int(length) for length in it.message.values(b"content-length") if length.isdigit()]
    sizes = [int(size_digits(line) or b"0", 16) for line in it.message.chunk_lines]
    return max(lengths + sizes) > 1 << 30


@rule(Kind.WE_REFUSE, (H11,), "length_and_chunked")
def length_and_coding(it: Difference) -> bool:
    """RFC 9112 §6.3 allows the coding to override the length; we refuse both together."""
    message = it.message
    return bool(message.values(b"content-length") and message.values(b"transfer-encoding"))


@rule(Kind.WE_REFUSE, BOTH_LLHTTPS, "length_and_chunked", "transfer_encoding")
def empty_coding(it: Difference) -> bool:
    """RFC 9112 §6.1: Transfer-Encoding names a coding; llhttp ignores it if it names none."""
    return set(it.message.members(b"transfer-encoding")) == {b""}


@rule(Kind.WE_REFUSE, PARSERS, "transfer_encoding")
def coding_in_an_old_version(it: Difference) -> bool:
    """RFC 9112 §6.1: a coding in HTTP/1.0 has faulty framing; we refuse it."""
    return it.message.version == b"HTTP/1.0"


@rule(Kind.WE_REFUSE, BOTH_LLHTTPS, "transfer_encoding", "unknown_coding")
def other_coding(it: Difference) -> bool:
    """RFC 9112 §6.1: a coding that is not understood is 501; llhttp leaves that to its caller."""
    return it.message.members(b"transfer-encoding") != [b"chunked"]


@rule(Kind.WE_REFUSE, PARSERS, "expectation")
def expectation(it: Difference) -> bool:
    """RFC 9110 §10.1.1 allows 417 for an unknown expectation; they leave that to their caller."""
    return bool(set(it.message.members(b"expect")) - {b"", b"100-continue"})


@rule(Kind.WE_REFUSE, PARSERS, "repeated_field")
def repeated_field(it: Difference) -> bool:
    """RFC 9110 §5.3: a field that is no list is given once; they pass on all of them."""
    once = [(name, value) for name, value in it.message.fields if name.decode("latin-1") in ONCE]
    return len(set(once)) > len({name for name, _ in once})


@rule(Kind.WE_REFUSE, PARSERS, "chunk_size")
def many_digits(it: Difference) -> bool:
    """RFC 9112 §7.1 allows a limit of digits of a size, zeros included; ours is 16."""
    return any(len(size_digits(line)) > 16 for line in it.message.chunk_lines)


@rule(Kind.WE_REFUSE, PARSERS, "chunk_extension")
def chunk_extension(it: Difference) -> bool:
    """RFC 9112 §7.1.1: an extension has a name, perhaps a value, and no space behind it."""
    return any(not CHUNK_LINE.fullmatch(line) for line in it.message.chunk_lines)


@rule(Kind.WE_REFUSE, PARSERS, "trailer")
def forbidden_trailer(it: Difference) -> bool:
    """RFC 9110 §6.5.1: a trailer section has no fields of framing and routing."""
    names = (
        rb"connection|content-length|forwarded|host|keep-alive|max-forwards|proxy-connection|te"
        rb"|trailer|transfer-encoding|upgrade|via|x-forwarded-.*"
    )
    return any(re.fullmatch(names, name) for name, _ in fields(it.message.trailer))


@rule(Kind.WE_REFUSE, (H11,), "trailer")
def trailer_line(it: Difference) -> bool:
    """RFC 9112 §7.1.2: lines of a trailer section are as valid as those of a head."""
    lines = b"".join(it.message.trailer.lines)
    return re.search(rb"(\n|^)[ \t]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", lines) is not None


@rule(Kind.WE_REFUSE, (LLHTTP,))
def body_of_an_unseen_coding(it: Difference) -> bool:
    """The same as an unseen coding (below), and the body is not valid."""
    return it.what == "body" and unseen_coding(it)


# What they refuse.


def says(it: Difference, *reasons: str) -> bool:
    """Whether one of these begins what their parser says of its refusal."""
    return it.theirs.reason.rpartition("Error: ")[2].startswith(reasons)


def has_tab_behind(it: Difference, *names: bytes) -> bool:
    """Whether HTAB stands behind something in a line of these fields."""
    lines = (line.partition(b":") for line in it.message.head.bare)
    return any(name.lower() in names and b"\t" in value.lstrip(b" \t") for name, _, value in lines)


@rule(Kind.THEY_REFUSE, (H11,), "head")
def empty_line(it: Difference) -> bool:
    """RFC 9112 §2.2 asks for one empty line before a request to be skipped; h11 refuses it."""
    is_some = re.fullmatch(rb"(\r\n){1,4}", it.message.empty_lines)
    return is_some is not None and says(it, "no request line received")


@rule(Kind.THEY_REFUSE, (H11,), "head")
def long_length(it: Difference) -> bool:
    """RFC 9110 §8.6 has no limit of digits; that of h11 is 20, and ours is 100."""
    length = b"".join(it.message.values(b"content-length"))
    return re.fullmatch(rb"[0-9]{21,100}", length) is not None and says(it, "bad Content-Length")


@rule(Kind.THEY_REFUSE, PARSERS, "head")
def empty_member(it: Difference) -> bool:
    """RFC 9110 §5.6.1.2: empty members of a list are ignored; they refuse them."""
    return set(it.message.members(b"transfer-encoding")) == {b"", b"chunked"} and says(
        it,
        "Only Transfer-Encoding: chunked",
        "multiple Transfer-Encoding",
        "Empty Transfer-Encoding",
        "Invalid `Transfer-Encoding`",
        "Request has invalid `Transfer-Encoding`",
    )


@rule(Kind.THEY_REFUSE, BOTH_LLHTTPS, "head")
def unknown_method(it: Difference) -> bool:
    """RFC 9110 §9.1: a method is any token; llhttp has a list of methods."""
    is_method = TOKEN.fullmatch(it.message.method) is not None
    return is_method and says(it, "Invalid method encountered", "Expected space after method")


@rule(Kind.THEY_REFUSE, BOTH_LLHTTPS, "head")
def method_of_a_preface(it: Difference) -> bool:
    """RFC 9113 §3.4: HTTP/2 begins with `PRI * HTTP/2.0`; for llhttp, what begins with PRI does."""
    return it.message.method == b"PRI" and says(it, "Expected HTTP/2 Connection Preface")


@rule(Kind.THEY_REFUSE, BOTH_LLHTTPS, "head", "body")
def tab_behind_a_value(it: Difference) -> bool:
    """RFC 9112 §5.1: HTAB is white space, too; llhttp refuses it in the fields of framing."""
    framing = (b"content-length", b"transfer-encoding")
    return has_tab_behind(it, *framing) and says(
        it, "Invalid character in Content-Length", "Request has invalid `Transfer-Encoding`"
    )


@rule(Kind.THEY_REFUSE, PARSERS, "body")
def space_in_a_chunk_line(it: Difference) -> bool:
    """RFC 9112 §7.1.1 has white space around the parts of an extension ignored; they refuse it."""
    lines = it.message.chunk_lines
    return (
        all(CHUNK_LINE.fullmatch(line) for line in lines)
        and any(b" " in line or b"\t" in line for line in lines)
        and says(it, "illegal chunk header", "Invalid character in chunk")
    )


# What is read otherwise.


def fields_as_ours(it: Difference) -> list[list[str]]:
    """Return their fields with all that the rules below say of fields."""
    target = re.match("https?://([^/?]*)", it.our_request.target, re.IGNORECASE)
    seen = set()
    result = []
    for name, value in it.their_request.fields:
        lower = name.lower()
        if lower == "host" and target:
            value = target[1]
        trimmed = value.rstrip(" \t") if it.parser in BOTH_LLHTTPS else value
        if lower not in ONCE or (lower, trimmed) not in seen:
            result.append([name, trimmed])
        seen.add((lower, trimmed))
    if target and not it.their_request.values("host"):
        result.append(["Host", target[1]])
    return result


def same_fields(it: Difference) -> bool:
    """Whether nothing differs but what the rules say."""
    ours = it.our_request.fields
    if it.parser == H11:
        is_coding = [name.lower() == "transfer-encoding" for name, _ in ours]
        ours = [
            [name, value.lower() if lowers else value]
            for (name, value), lowers in zip(ours, is_coding, strict=True)
        ]
    return fields_as_ours(it) == ours


@rule(Kind.OTHERWISE, BOTH_LLHTTPS, "fields")
def space_behind_a_value(it: Difference) -> bool:
    """RFC 9112 §5.1 excludes it from the value; llhttp leaves that to its caller."""
    has_space = any(value != value.rstrip(" \t") for _, value in it.their_request.fields)
    return has_space and same_fields(it)


@rule(Kind.OTHERWISE, PARSERS, "fields")
def host_of_the_target(it: Difference) -> bool:
    """RFC 9112 §3.2.2: the authority of a target replaces Host; they leave that to their caller."""
    return not it.our_request.target.startswith("/") and same_fields(it)


@rule(Kind.OTHERWISE, PARSERS, "fields")
def same_value_twice(it: Difference) -> bool:
    """RFC 9110 §5.3: a field that is no list is given once; we pass on one, and they both."""
    return len(it.their_request.fields) > len(it.our_request.fields) and same_fields(it)


@rule(Kind.OTHERWISE, (H11,), "fields")
def coding_in_lower_case(it: Difference) -> bool:
    """RFC 9112 §7: the names of codings are case-insensitive; h11 changes their case."""
    return bool(it.their_request.values("transfer-encoding")) and same_fields(it)


def we_are_right(it: Difference) -> bool:
    """Whether RFC 9112 §9.3 has the connection end or go on as we do."""
    return it.our_request.keeps_open == it.message.persists


@rule(Kind.OTHERWISE, (H11,), "keeps_open")
def keep_alive_on_request(it: Difference) -> bool:
    """RFC 9112 §9.3: HTTP/1.0 can ask for keep-alive; h11 closes."""
    return it.message.version == b"HTTP/1.0" and we_are_right(it)


@rule(Kind.OTHERWISE, BOTH_LLHTTPS, "keeps_open")
def close_beside_keep_alive(it: Difference) -> bool:
    """RFC 9112 §9.3: close wins over keep-alive; for llhttp it does not in HTTP/1.0."""
    options = it.message.members(b"connection")
    return {b"close", b"keep-alive"} <= set(options) and we_are_right(it)


@rule(Kind.OTHERWISE, BOTH_LLHTTPS, "keeps_open")
def tab_behind_an_option(it: Difference) -> bool:
    """RFC 9112 §5.1: HTAB is white space, too; llhttp takes it for a part of the option."""
    return has_tab_behind(it, b"connection") and we_are_right(it)


@rule(Kind.OTHERWISE, BOTH_LLHTTPS, "keeps_open")
def proxy_connection(it: Difference) -> bool:
    """RFC 9112 §C.2.2: Proxy-Connection has no meaning; llhttp takes it for Connection."""
    return bool(it.message.values(b"proxy-connection")) and we_are_right(it)


@rule(Kind.OTHERWISE, (LLHTTP,), "body")
def unseen_coding(it: Difference) -> bool:
    """RFC 9112 §5.1 again: before HTAB llhttp does not see chunked, and with Upgrade no body."""
    has_none = it.their_request.is_complete and it.their_request.body == ""
    is_upgrade = bool(it.message.values(b"upgrade"))
    return has_none and is_upgrade and has_tab_behind(it, b"transfer-encoding")


@rule(Kind.OTHERWISE, (HTTPTOOLS,), "end")
def upgrade(it: Difference) -> bool:
    """RFC 9110 §7.8: a server can ignore Upgrade; httptools reads neither the body nor more."""
    return bool(it.message.values(b"upgrade"))
