"""Read a batch with h11: lines from standard input, and for each a line of what h11 makes of it.

Each request is answered at once, as a server would, so that h11 says whether another may follow.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import h11

RESPONSE = h11.Response(status_code=200, headers=[("Content-Length", "0")])
REFUSAL = h11.Response(status_code=404, headers=[("Content-Length", "0")])
INPUT_BYTES_MAX = 1 << 20
"""More than any input: limits are not the subject."""


def read(stream: bytes) -> dict[str, Any]:
    """Return what h11 makes of a stream."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=INPUT_BYTES_MAX)
    connection.receive_data(stream)
    requests: list[dict[str, Any]] = []
    end, reason = "waiting", ""
    while True:
        try:
            event = connection.next_event()
        except h11.RemoteProtocolError as error:
            end, reason = "refused", str(error)
            break
        if isinstance(event, h11.Request):
            requests.append(plain(event))
        elif isinstance(event, h11.Data):
            requests[-1]["body"] += event.data.decode("latin-1")
        elif isinstance(event, h11.EndOfMessage):
            # What asks for another protocol is told that there is none.
            switches = connection.their_state is h11.MIGHT_SWITCH_PROTOCOL
            connection.send(REFUSAL if switches else RESPONSE)
            connection.send(h11.EndOfMessage())
            requests[-1]["keeps_open"] = connection.our_state is h11.DONE
            if connection.our_state is not h11.DONE:
                end = "closed"
                break
            connection.start_next_cycle()
        elif event is h11.NEED_DATA:
            break
        else:
            raise ValueError(f"h11 has an event that was not expected: {event!r}")
    return {"requests": requests, "end": end, "reason": reason}


def plain(request: h11.Request) -> dict[str, Any]:
    """Return a request of which only the head has come."""
    return {
        "method": request.method.decode("latin-1"),
        "target": request.target.decode("latin-1"),
        "version": request.http_version.decode("latin-1"),
        "fields": [
            [name.decode("latin-1"), value.decode("latin-1")]
            for name, value in request.headers.raw_items()
        ],
        "body": "",
        "keeps_open": None,
    }


for line in sys.stdin:
    sys.stdout.write(json.dumps(read(json.loads(line)["input"].encode("latin-1"))) + "\n")
