"""Read the vectors; the format is described in ``tests/vectors/README.md``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "vectors"
ESCAPES = {"r": b"\r", "n": b"\n", "t": b"\t", "\\": b"\\"}


@dataclass
class Served:
    """A call of the application: what it must see, and what its answer must be like."""

    method: str
    path: bytes
    query: bytes = b""
    body: bytes = b""
    environ: dict[str, bytes | None] = field(default_factory=dict)
    answer: list[tuple[str, str]] = field(default_factory=list)
    last: str = "path"  # what a `+` line continues


@dataclass
class Vector:
    """One case: what is sent, and what comes of it."""

    name: str
    segments: list[bytes] = field(default_factory=lambda: [b""])
    bytewise: bool = False
    awaits_continue: bool = False
    half_close: bool = False
    served: list[Served] = field(default_factory=list)
    refused: int | None = None
    refused_method: str = "GET"
    interim: list[int] | None = None
    ends_open: bool = False


def unescape(text: str) -> bytes:
    """Turn the escapes of the format into bytes."""
    parts, rest = [], text
    while rest:
        plain, slash, rest = rest.partition("\\")
        parts.append(plain.encode("ascii"))
        if not slash:
            break
        if rest[0] == "x":
            parts.append(bytes.fromhex(rest[1:3]))
            rest = rest[3:]
        else:
            parts.append(ESCAPES[rest[0]])
            rest = rest[1:]
    return b"".join(parts)


def read_all(folder: Path = FOLDER) -> list[Vector]:
    """Read every case of every file."""
    vectors: list[Vector] = []
    for file in sorted(folder.glob("*.txt")):
        for number, line in enumerate(file.read_text("utf-8").split("\n"), 1):
            try:
                _read_line(vectors, line.lstrip(" "))
            except (ValueError, KeyError, IndexError, AttributeError) as error:
                raise ValueError(f"{file.name}:{number}: {line!r}: {error}") from error
    return vectors


def _read_line(vectors: list[Vector], line: str) -> None:
    if not line or line.startswith("#"):
        return
    word, _, value = line.partition(" ")
    if word == "case":
        vectors.append(Vector(value))
        return
    vector = vectors[-1]
    word, _, times = word.partition("*")
    if word == "serve":
        method, _, path = value.partition(" ")
        vector.served.append(Served(unescape(method).decode("ascii"), unescape(path)))
    elif word in ("query", "body"):
        setattr(vector.served[-1], word, unescape(value))
        vector.served[-1].last = word
    elif word == "environ":
        name, _, value = value.partition(" ")
        vector.served[-1].environ[name] = unescape(value)
        vector.served[-1].last = name
    elif word == "without":
        vector.served[-1].environ[value] = None
    elif word == "answer":
        what, _, value = value.partition(" ")
        vector.served[-1].answer.append((what, value))
    elif word == "+":
        _continue(vector.served[-1], unescape(value) * int(times or 1))
    elif word == "send":
        vector.segments[-1] += unescape(value) * int(times or 1)
    elif word in ("pause", "await"):
        vector.segments.append(b"")
        vector.awaits_continue |= word == "await"
    elif word in ("bytewise", "half-close"):
        setattr(vector, word.replace("-", "_"), True)
    elif word == "refuse":
        status, _, method = value.partition(" ")
        vector.refused, vector.refused_method = int(status), method or "GET"
    elif word == "interim":
        vector.interim = [] if value == "none" else [int(status) for status in value.split()]
    elif word == "end":
        vector.ends_open = {"open": True, "closed": False}[value]
    elif word not in ("rule", "about", "why"):
        raise ValueError(f"{word!r} is no word of the format")


def _continue(served: Served, more: bytes) -> None:
    """Append to the value that stands above."""
    if served.last in ("path", "query", "body"):
        setattr(served, served.last, getattr(served, served.last) + more)
    else:
        served.environ[served.last] = (served.environ[served.last] or b"") + more
