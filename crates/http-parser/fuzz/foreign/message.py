"""A message as the rules look at it: cut into lines in the most lenient way, and judged by nothing.

It shares nothing with the parsers that are compared.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import cached_property

TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
HEXADECIMAL = b"0123456789ABCDEFabcdef"

_TEXT = rb'"([\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"'
_VALUE = rb"[ \t]*=[ \t]*(%s|%s)" % (TOKEN.pattern, _TEXT)
CHUNK_LINE = re.compile(rb"[0-9A-Fa-f]+([ \t]*;[ \t]*%s(%s)?)*\r\n" % (TOKEN.pattern, _VALUE))
"""With its end, of any length (RFC 9112 §7.1, §7.1.1)."""


ONCE = frozenset(
    [
        "authorization",
        "content-disposition",
        "content-location",
        "content-range",
        "content-type",
        "date",
        "from",
        "if-modified-since",
        "if-range",
        "if-unmodified-since",
        "max-forwards",
        "origin",
        "proxy-authorization",
        "range",
        "referer",
        "user-agent",
    ]
)
"""Fields whose value is no list, in lower case."""


@dataclass(frozen=True)
class Section:
    """Lines up to an empty one."""

    lines: list[bytes]
    """With their ends."""
    end: bytes
    """The empty line, if it has come."""
    after: bytes

    @property
    def bare(self) -> list[bytes]:
        """The lines without their ends."""
        return [without_end(line) for line in self.lines]

    @property
    def content(self) -> bytes:
        """All of it as it came."""
        return b"".join(self.lines) + self.end


@dataclass(frozen=True)
class Message:
    """What stands in a stream from the start of a message on; other messages may follow it."""

    content: bytes

    @cached_property
    def empty_lines(self) -> bytes:
        """The line ends before the request line."""
        return self.content[: len(self.content) - len(self.content.lstrip(b"\r\n"))]

    @cached_property
    def head(self) -> Section:
        """The request line and the field lines."""
        return section(self.content[len(self.empty_lines) :])

    @cached_property
    def request_line(self) -> bytes:
        """The first line that is not empty."""
        return self.head.bare[0] if self.head.lines else b""

    @cached_property
    def method(self) -> bytes:
        """What stands before the first space."""
        return self.request_line.split(b" ")[0]

    @cached_property
    def target(self) -> bytes:
        """What stands between the first and the last space."""
        return self.request_line.partition(b" ")[2].rpartition(b" ")[0]

    @cached_property
    def version(self) -> bytes:
        """What stands behind the last space."""
        return self.request_line.rpartition(b" ")[2]

    @cached_property
    def fields(self) -> list[tuple[bytes, bytes]]:
        """Names in lower case, and values without white space around them; not of folded lines."""
        return fields(self.head)

    def values(self, name: bytes) -> list[bytes]:
        """Return the values of a field whose name is in lower case."""
        return [value for other, value in self.fields if other == name]

    def members(self, name: bytes) -> list[bytes]:
        """Return the members of a list in lower case, the empty ones as well."""
        values = self.values(name)
        return [member.strip(b" \t").lower() for value in values for member in value.split(b",")]

    @property
    def persists(self) -> bool:
        """Whether another request may follow on the connection (RFC 9112 §9.3)."""
        options = self.members(b"connection")
        asked_for = self.version == b"HTTP/1.1" or b"keep-alive" in options
        return asked_for and b"close" not in options

    @cached_property
    def chunk_lines(self) -> list[bytes]:
        """The chunk lines with their ends, as far as the coding can be followed."""
        return self._chunks[0]

    @cached_property
    def trailer(self) -> Section:
        """The trailer section; empty if the coding cannot be followed as far."""
        return self._chunks[1]

    @cached_property
    def _chunks(self) -> tuple[list[bytes], Section]:
        rest, lines = self.head.after, []
        while b"\n" in rest:
            line, _, rest = rest.partition(b"\n")
            lines.append(line + b"\n")
            digits = size_digits(line)
            if not digits:
                break
            size = int(digits, 16)
            if size == 0:
                return lines, section(rest)
            if rest[size : size + 2] != b"\r\n":
                break
            rest = rest[size + 2 :]
        return lines, Section([], b"", b"")


def section(content: bytes) -> Section:
    """Cut lines off, up to an empty one or the end."""
    lines: list[bytes] = []
    while content:
        line, end, content = content.partition(b"\n")
        if end and line in (b"", b"\r"):
            return Section(lines, line + end, content)
        lines.append(line + end)
    return Section(lines, b"", b"")


def fields(lines: Section) -> list[tuple[bytes, bytes]]:
    """Return the fields of the lines of a section that have a colon."""
    found = []
    for line in lines.bare:
        name, colon, value = line.partition(b":")
        if colon:
            found.append((name.lower(), value.strip(b" \t")))
    return found


def size_digits(chunk_line: bytes) -> bytes:
    """Return the hexadecimal digits that a chunk line begins with."""
    return chunk_line[: len(chunk_line) - len(chunk_line.lstrip(HEXADECIMAL))]


def without_end(line: bytes) -> bytes:
    """Return a line without LF or CRLF."""
    return line.removesuffix(b"\n").removesuffix(b"\r")


def is_host(value: bytes) -> bool:
    """Whether it is a host, perhaps with a port (RFC 3986 §3.2.2); the host may be empty."""
    parts = re.fullmatch(rb"(?:\[(.*)\]|([^:\[\]]*))(?::[0-9]*)?", value, re.DOTALL)
    if not parts:
        return False
    literal, name = parts.groups()
    if literal is None:
        return re.fullmatch(rb"([\w.~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*", name, re.ASCII) is not None
    if re.fullmatch(rb"[vV][0-9A-Fa-f]+\.[\w.~!$&'()*+,;=:-]+", literal, re.ASCII):
        return True
    try:
        ipaddress.IPv6Address(literal.decode("ascii"))
    except ValueError:
        return False
    return b"%" not in literal


def is_target(method: bytes, target: bytes) -> bool:
    """Whether it is a target in a form that the method allows (RFC 9112 §3.2), but for CONNECT."""
    if re.search(rb"[^!-~]|#", target):
        return False
    if target == b"*":
        return method == b"OPTIONS"
    absolute = re.match(rb"https?://([^/?]+)", target, re.IGNORECASE)
    if absolute:
        return is_host(absolute[1]) and absolute[1][:1] != b":"
    return target.startswith(b"/")


def has_bare_line_end(content: bytes) -> bool:
    """Whether there is a CR or LF that is not part of CRLF."""
    return re.search(rb"\r(?!\n)|(?<!\r)\n", content) is not None
