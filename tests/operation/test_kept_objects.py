"""What an application receives may be kept, and used and dropped by other threads.

They do so during the request, after it, and beside other requests, with a GIL and without.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from client import Connection, request
from server import Server

HERE = Path(__file__).parent
CLIENTS = 8
ROUNDS = 20
SHAPES = (
    "environ",
    "input",
    "write",
    "start_response",
    "file_wrapper",
    "errors",
    "iterable",
    "client_disconnected",
)


def ask(connection: Connection, shape: str, number: str) -> bytes:
    target = f"/{shape}?{number}"
    head = f"POST {target} HTTP/1.1\r\nHost: test\r\nContent-Length: {len(number)}\r\n\r\n"
    response = connection.ask(head.encode() + number.encode(), "POST")
    assert response.status == 200, target
    return response.body


@pytest.mark.parametrize("threads", [1, 4])
def test_every_kept_object_belongs_to_its_own_request_for_ever(
    maitred: Callable[..., Server], threads: int
) -> None:
    server = maitred(f"--threads={threads}", "kept_app:app", cwd=HERE)

    def be_a_client(client: int) -> list[str]:
        wrong = []
        with Connection(server.address, timeout=60) as connection:
            for turn in range(ROUNDS):
                for index in range(len(SHAPES)):
                    shape = SHAPES[(index + client) % len(SHAPES)]
                    number = f"{client}-{turn}-{shape}"
                    if (body := ask(connection, shape, number)) != number.encode():
                        wrong.append(f"{number}: {body!r}")
        return wrong

    with ThreadPoolExecutor(CLIENTS) as clients:
        assert [wrong for them in clients.map(be_a_client, range(CLIENTS)) for wrong in them] == []
    with Connection(server.address, timeout=60) as connection:
        assert connection.ask(request("/problems")).body == b""
    server.stop()
    for client in range(CLIENTS):
        for turn in range(ROUNDS):
            for when in ("during", "after"):
                assert f"{when} {client}-{turn}-errors." in server.log


def test_what_another_thread_drops_last_is_released_while_its_worker_waits(
    maitred: Callable[..., Server], tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    environment = os.environ | {"PIPE": str(pipe)}
    server = maitred("--threads=1", "kept_app:app", cwd=HERE, env=environment)
    # The worker that has created the object serves nothing more.
    with Connection(server.address, timeout=60) as connection:
        assert ask(connection, "last_reference", "1") == b"1"
        pipe.write_text("")
        server.wait_for("the thing is released")
