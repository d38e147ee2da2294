"""Tests of new code and settings behind real proxies that keep their connections to us."""

from __future__ import annotations

import http.client
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import samples
from client import PATIENCE_SECONDS
from server import Server

pytestmark = pytest.mark.system

RELOADS = 20
CLIENTS = 8


@pytest.mark.parametrize("proxy", [samples.NGINX, samples.HAPROXY], ids=lambda proxy: proxy.name)
def test_no_client_of_a_proxy_notices_a_reload(
    proxy: samples.Proxy, maitred: Callable[..., Server], tmp_path: Path
) -> None:
    path = tmp_path / "maitred.sock"
    server = maitred(*proxy.flags(path), "--workers=2", "echo_app:app", cwd=Path(__file__).parent)
    told: Counter[int | str] = Counter()
    stop = threading.Event()

    def ask(front: int) -> None:
        client = http.client.HTTPConnection("127.0.0.1", front, timeout=PATIENCE_SECONDS)
        while not stop.is_set():
            client.request("GET", "/environ", headers={"Host": "shop.example"})
            response = client.getresponse()
            response.read()
            told[response.status] += 1
        client.close()

    with samples.running(proxy, str(path), tmp_path) as front:
        clients = [threading.Thread(target=ask, args=(front,)) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        try:
            for count in range(1, RELOADS + 1):
                server.signal(signal.SIGHUP)
                deadline = time.monotonic() + PATIENCE_SECONDS
                while server.log.count("reload complete: 2 replaced") < count:
                    assert time.monotonic() < deadline, server.log
                    time.sleep(0.02)
        finally:
            stop.set()
            for client in clients:
                client.join()
    assert told.keys() == {200}, told
    assert told.total() > RELOADS * CLIENTS
