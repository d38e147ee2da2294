"""An application that answers in every shape that PEP 3333 allows.

The path names the shape; a query of ``declared`` asks for a Content-Length.
"""

from __future__ import annotations

import io
import tempfile

PIECES = [b"0123", b"456", b"789"]
BODY = b"".join(PIECES)
LARGE_PIECES = [b"x" * 65536] * 16
LARGE = b"".join(LARGE_PIECES)


class WithClose:
    """An iterator that wants to be closed."""

    def __init__(self, pieces):
        self.pieces = iter(pieces)
        self.is_closed = False

    def __iter__(self):
        return self

    def __next__(self):
        assert not self.is_closed
        return next(self.pieces)

    def close(self):
        assert not self.is_closed
        self.is_closed = True


class Countdown:
    """An iterator that is asked once more than it has pieces, and answers that with empty ones."""

    def __init__(self, pieces):
        self.pieces = [*pieces, b"", b""]

    def __iter__(self):
        return self

    def __next__(self):
        if not self.pieces:
            raise StopIteration
        return self.pieces.pop(0)


class Sequence:
    """A body with a length, which is no list."""

    def __init__(self, pieces):
        self.pieces = pieces

    def __len__(self):
        return len(self.pieces)

    def __iter__(self):
        return iter(self.pieces)


def real_file():
    """Return an unnamed file, which its wrapper closes."""
    file = tempfile.TemporaryFile()  # noqa: SIM115
    file.write(BODY)
    file.seek(0)
    return file


RETURNED = {
    "list-of-one": lambda: [BODY],
    "list-of-many": lambda: PIECES,
    "list-with-an-empty-end": lambda: [*PIECES, b""],
    "list-with-too-much": lambda: [BODY, b"more"],
    "tuple": lambda: tuple(PIECES),
    "sequence-of-one": lambda: Sequence([BODY]),
    "sequence-of-many": lambda: Sequence(PIECES),
    "generator-of-one": lambda: (piece for piece in [BODY]),
    "generator": lambda: (piece for piece in PIECES),
    "generator-and-an-empty-chunk": lambda: (piece for piece in [*PIECES, b""]),
    "late-stop": lambda: Countdown(PIECES),
    "iterator-with-close": lambda: WithClose(PIECES),
    "large-list": lambda: LARGE_PIECES,
    "large-generator": lambda: (piece for piece in LARGE_PIECES),
    "large-chunk": lambda: (piece for piece in [LARGE]),
}
"""Bodies that are returned."""

WRITTEN = {
    "write": (PIECES, list),
    "write-and-an-empty-chunk": (PIECES, lambda: [b""]),
    "write-and-return": (PIECES[:2], lambda: PIECES[2:]),
    "write-and-generate": (PIECES[:1], lambda: (piece for piece in PIECES[1:])),
}
"""What is passed to ``write()``, and what is returned after that."""

FILES = {
    "file": lambda wrapper: wrapper(real_file()),
    "file-in-memory": lambda wrapper: wrapper(io.BytesIO(BODY)),
    "file-in-blocks": lambda wrapper: wrapper(io.BytesIO(BODY), 3),
}
"""Bodies that are made with ``wsgi.file_wrapper``."""

SHAPES = [*RETURNED, *WRITTEN, *FILES]


def body_of(shape: str) -> bytes:
    """Return the whole body of a shape."""
    return LARGE if shape.startswith("large") else BODY


def app(environ, start_response):
    """Answer with the status, and in the shape, that the path names."""
    _, status, shape = environ["PATH_INFO"].split("/")
    fields = [("Content-Type", "application/octet-stream")]
    if environ["QUERY_STRING"] == "declared":
        fields.append(("Content-Length", str(len(body_of(shape)))))
    write = start_response(f"{status} Whatever", fields)
    if shape in FILES:
        return FILES[shape](environ["wsgi.file_wrapper"])
    if shape in RETURNED:
        return RETURNED[shape]()
    pieces, rest = WRITTEN[shape]
    for piece in pieces:
        write(piece)
    return rest()
