"""Take the pictures of the live page that the documentation shows.

`python tests/browser/pictures.py` writes them to `docs/pictures`, with the installed package.
It takes a little more than ten minutes, because that is what the plots show.
"""

from __future__ import annotations

import http.client
import math
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from chromium import LOOKS, Chromium, Look

FOLDER = Path(__file__).resolve().parents[2] / "docs/pictures"

SECONDS = 620

APPLICATION = """
import random
import time


def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/reports/annual":
        time.sleep(25)
    elif path.startswith("/reports/"):
        time.sleep(random.uniform(0.4, 3))
    elif path == "/checkout" and random.random() < 0.02:
        raise RuntimeError("the payment service does not answer")
    else:
        time.sleep(random.expovariate(120))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]
"""

PATHS = ["/", "/products/4711", "/search", "/cart", "/checkout"]


def load(port: int, phase: float, ends: threading.Event) -> None:
    """Ask as a crowd does: more and less, and for something slow now and then."""
    chance = random.Random(phase)  # noqa: S311
    connection = http.client.HTTPConnection("127.0.0.1", port)
    while not ends.is_set():
        tide = 0.6 + 0.5 * math.sin(time.monotonic() / 60 + phase)
        ends.wait(chance.uniform(0.02, 0.12) + 0.12 * tide)
        slow = chance.random() < 0.012
        path = f"/reports/{chance.randint(1, 12)}" if slow else chance.choice(PATHS)
        connection.request("GET", path)
        connection.getresponse().read()


def wait(port: int, ends: threading.Event) -> None:
    """Ask for something that takes very long, again and again."""
    while not ends.is_set():
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("GET", "/reports/annual")
        connection.getresponse().read()
        connection.close()


def take(url: str, looks: list[Look]) -> None:
    """Take a picture of each look."""
    chromium = Chromium()
    try:
        for look in looks:
            chromium.open(url, look)
            time.sleep(2)
            chromium.picture(FOLDER / f"live-{look.name}.png")
    finally:
        chromium.close()


def main() -> None:
    """Serve under load, and take the pictures at the end."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "shop.py").write_text(APPLICATION)
        command = [sys.executable, "-m", "maitred", "--workers=2", "--threads=3", "shop:app"]
        addresses = ["--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"]
        server = subprocess.Popen(
            [*command, *addresses],
            cwd=folder,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stderr=subprocess.PIPE,
            text=True,
        )
        said = ""
        while "serving on" not in said:
            said += server.stderr.readline()
        threading.Thread(target=server.stderr.read, daemon=True).start()
        url = re.search(r"status on (http://\S+)", said)[1]
        port = int(re.search(r"serving on http://[^:]+:(\d+)", said)[1])
        ends = threading.Event()
        crowd = [
            threading.Thread(target=load, args=(port, phase / 2, ends), daemon=True)
            for phase in range(5)
        ]
        crowd.append(threading.Thread(target=wait, args=(port, ends), daemon=True))
        for one in crowd:
            one.start()
        time.sleep(float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS)
        take(url, LOOKS)
        ends.set()
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
