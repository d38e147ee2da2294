"""The samples of `deploy/`, moved to a folder and ports of the test, and run.

What a test runs is the file that a user copies: only places are changed, each of which must occur
in it exactly as often as is said here. The flags of the server are taken from its first comment.
"""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from manifests import DEPLOY
from manifests import program as find
from ports import free_port

START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 60

#: Where the samples say that the server listens.
SOCKET = "/run/maitred/maitred.sock"
PORT = 8000

Address = tuple[str, int] | str


@dataclass(frozen=True)
class Proxy:
    """How one proxy is moved and started."""

    name: str
    sample: str
    #: What stands in the sample, and what takes its place: `{front}` is the port to listen at,
    #: `{folder}` the test's, `{upstream}` is `socket` or `tcp`, `{dial}` the address for Caddy.
    moves: tuple[tuple[str, str], ...]
    command: tuple[str, ...]

    def configuration(self, upstream: Address, front: int, folder: Path) -> str:
        """Return the sample with the test's places in it."""
        text = (DEPLOY / self.sample).read_text(encoding="utf-8")
        head, body = re.match(r"((?:#[^\n]*\n)*)(.*)", text, re.S).groups()  # type: ignore[union-attr]
        over_tcp = isinstance(upstream, tuple)
        places = {
            "front": front,
            "folder": folder,
            "upstream": "tcp" if over_tcp else "socket",
            "socket": folder / "nobody.sock" if over_tcp else upstream,
            "port": upstream[1] if over_tcp else PORT,
            "dial": f"127.0.0.1:{upstream[1]}" if over_tcp else f"unix/{upstream}",
            "user": "user root;" if os.geteuid() == 0 else "",
        }
        for old, new in self.moves:
            assert old in body, f"{self.sample} has no `{old}` any more"
            body = body.replace(old, new.format(**places))
        return head + body

    def flags(self, socket_path: Path | None) -> list[str]:
        """Return the server's flags that the sample recommends, for the socket or for TCP."""
        text = (DEPLOY / self.sample).read_text(encoding="utf-8")
        lines = re.search(r"^#     maitred ((?:.*\\\n#\s+)*.*)$", text, re.M)
        assert lines, f"{self.sample} does not say how to start the server"
        flags = shlex.split(re.sub(r"\\\n#\s+", "", lines[1]))[:-1]
        if socket_path is not None:
            return [flag.replace(SOCKET, str(socket_path)) for flag in flags]
        assert f"--listen=127.0.0.1:{PORT} --trusted-proxy=127.0.0.1" in text
        kept = [f for f in flags if not f.startswith(("--unix-socket", "--trusted-proxy="))]
        return ["--listen=127.0.0.1:0", "--trusted-proxy=127.0.0.1", *kept]


NGINX = Proxy(
    name="nginx",
    sample="nginx.conf",
    moves=(
        ("user www-data;", "{user}"),
        ("pid /run/", "pid {folder}/"),
        (" /var/log/nginx/", " {folder}/"),
        (" /var/lib/nginx/", " {folder}/"),
        ("listen 80;", "listen 127.0.0.1:{front};"),
        ("listen [::]:80;", "listen [::1]:{front};"),
        (f"unix:{SOCKET}", "unix:{socket}"),
        (f"server 127.0.0.1:{PORT};", "server 127.0.0.1:{port};"),
        ("proxy_pass http://maitred_socket;", "proxy_pass http://maitred_{upstream};"),
    ),
    command=("nginx", "-e", "{folder}/error.log", "-p", "{folder}", "-g", "daemon off;", "-c"),
)

HAPROXY = Proxy(
    name="haproxy",
    sample="haproxy.cfg",
    moves=(
        ("bind :80", "bind 127.0.0.1:{front}"),
        ("bind :::80", "bind ::1:{front}"),
        (f"unix@{SOCKET}", "unix@{socket}"),
        (f"server maitred 127.0.0.1:{PORT}", "server maitred 127.0.0.1:{port}"),
        ("default_backend maitred_socket", "default_backend maitred_{upstream}"),
    ),
    command=("haproxy", "-db", "-f"),
)

ENVOY = Proxy(
    name="envoy",
    sample="envoy.yaml",
    moves=(
        ("{address: 0.0.0.0, port_value: 80}", "{{address: 127.0.0.1, port_value: {front}}}"),
        ('{address: "::", port_value: 80}', '{{address: "::1", port_value: {front}}}'),
        (f"{{path: {SOCKET}}}", "{{path: {socket}}}"),
        (f"port_value: {PORT}", "port_value: {port}"),
        ("cluster: maitred_socket", "cluster: maitred_{upstream}"),
    ),
    command=("envoy", "--concurrency", "1", "--disable-hot-restart", "-l", "warning", "-c"),
)

CADDY = Proxy(
    name="caddy",
    sample="Caddyfile",
    moves=(
        (
            "shop.example {",
            "{{\n\tadmin off\n\tauto_https off\n}}\nhttp://:{front} {{\n\tbind 127.0.0.1 ::1",
        ),
        (f"reverse_proxy unix/{SOCKET} ", "reverse_proxy {dial} "),
    ),
    command=("caddy", "run", "--adapter", "caddyfile", "--config"),
)

ALL = (NGINX, HAPROXY, ENVOY, CADDY)


@contextmanager
def running(proxy: Proxy, upstream: Address, folder: Path) -> Iterator[int]:
    """Run the proxy in front of the server until the block ends; yield its port."""
    front = free_port()
    configuration = folder / proxy.sample
    configuration.write_text(proxy.configuration(upstream, front, folder), encoding="utf-8")
    words = [word.replace("{folder}", str(folder)) for word in proxy.command]
    log = folder / "proxy.log"
    # What Caddy remembers belongs to the test, too.
    env = {**os.environ, "XDG_CONFIG_HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [find(words[0]), *words[1:], configuration], stdout=out, stderr=out, cwd=folder, env=env
        )
    try:
        wait_until_it_listens(process, front, log)
        yield front
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        # Shown by pytest with a test that failed.
        sys.stderr.write(log.read_text(encoding="utf-8", errors="replace")[-4000:])


def wait_until_it_listens(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Wait until the port takes a connection; fail with the log when the process ends first."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            said = log.read_text(encoding="utf-8", errors="replace")
            assert process.poll() is None, f"the proxy ended:\n{said}"
            assert time.monotonic() < deadline, f"the proxy does not listen:\n{said}"
            time.sleep(0.05)
        else:
            return
