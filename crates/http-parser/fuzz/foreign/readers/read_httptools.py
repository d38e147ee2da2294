"""Read a batch with httptools: lines from standard input, and for each a line of what it reads."""

from __future__ import annotations

import json
import sys
from typing import Any

import httptools


class Stream:
    """The callbacks of one parser."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.parser = httptools.HttpRequestParser(self)
        self.target = b""
        self.fields: list[list[str]] = []
        self.is_head = True

    def on_message_begin(self) -> None:
        self.target, self.fields, self.is_head = b"", [], True

    def on_url(self, target: bytes) -> None:
        self.target += target

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.is_head:  # or it is of a trailer section
            # Without a value there is None.
            self.fields.append([name.decode("latin-1"), (value or b"").decode("latin-1")])

    def on_headers_complete(self) -> None:
        self.is_head = False
        self.requests.append(
            {
                "method": self.parser.get_method().decode("latin-1"),
                "target": self.target.decode("latin-1"),
                "version": self.parser.get_http_version(),
                "fields": self.fields,
                "body": "",
                "keeps_open": None,
            }
        )

    def on_body(self, body: bytes) -> None:
        self.requests[-1]["body"] += body.decode("latin-1")

    def on_message_complete(self) -> None:
        self.requests[-1]["keeps_open"] = self.parser.should_keep_alive()


def read(stream: bytes) -> dict[str, Any]:
    """Return what httptools makes of a stream."""
    seen = Stream()
    end, reason = "waiting", ""
    try:
        seen.parser.feed_data(stream)
    except httptools.HttpParserUpgrade:
        end = "switched"
    except httptools.HttpParserError as error:
        end, reason = "refused", f"{type(error).__name__}: {error}"
    if seen.requests and seen.requests[-1]["keeps_open"] is False and end != "switched":
        end, reason = "closed", ""
    return {"requests": seen.requests, "end": end, "reason": reason}


for line in sys.stdin:
    sys.stdout.write(json.dumps(read(json.loads(line)["input"].encode("latin-1"))) + "\n")
