"""Sends the same request with different HTTP clients, over TCP or a Unix socket."""

from __future__ import annotations

import http.client
import socket
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import httpx
import requests

SECONDS_MAX = 60


@dataclass(frozen=True)
class Answer:
    """A response: its status, its fields in lower case, and its body."""

    status: int
    fields: Mapping[str, str]
    body: bytes


def by_requests(url: str, method: str, path: str, fields: Mapping[str, str], body: bytes) -> Answer:
    """Ask with requests, over TCP."""
    got = requests.request(method, url + path, headers=fields, data=body, timeout=SECONDS_MAX)
    return Answer(got.status_code, {k.lower(): v for k, v in got.headers.items()}, got.content)


def by_httpx(url: str, method: str, path: str, fields: Mapping[str, str], body: bytes) -> Answer:
    """Ask with httpx."""
    unix = url.removeprefix("unix:") if url.startswith("unix:") else None
    base = "http://localhost" if unix else url
    with httpx.Client(transport=httpx.HTTPTransport(uds=unix), timeout=SECONDS_MAX) as client:
        got = client.request(method, base + path, headers=fields, content=body)
    return Answer(got.status_code, dict(got.headers), got.content)


def by_http_client(
    url: str, method: str, path: str, fields: Mapping[str, str], body: bytes
) -> Answer:
    """Ask with the standard library."""
    if url.startswith("unix:"):
        connection = http.client.HTTPConnection("localhost", timeout=SECONDS_MAX)
        connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.sock.settimeout(SECONDS_MAX)
        connection.sock.connect(url.removeprefix("unix:"))
    else:
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=SECONDS_MAX)
    connection.request(method, path, body or None, dict(fields))
    got = connection.getresponse()
    answer = Answer(got.status, {k.lower(): v for k, v in got.getheaders()}, got.read())
    connection.close()
    return answer


def by_curl(url: str, method: str, path: str, fields: Mapping[str, str], body: bytes) -> Answer:
    """Ask with curl."""
    command = ["curl", "--silent", "--show-error", "--include", "--path-as-is", "-X", method]
    command += ["--max-time", str(SECONDS_MAX)]
    if url.startswith("unix:"):
        command += ["--unix-socket", url.removeprefix("unix:")]
        url = "http://localhost"
    for name, value in fields.items():
        command += ["-H", f"{name}: {value}"]
    if body:
        command += ["--data-binary", "@-"]
    done = subprocess.run([*command, url + path], input=body, capture_output=True, check=True)
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    while head.split(b" ")[1].startswith(b"1"):
        head, _, content = content.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.split(":", 1) for line in lines)
    return Answer(
        int(first.split(" ")[1]), {name.lower(): value.strip() for name, value in pairs}, content
    )


Client = Callable[[str, str, str, Mapping[str, str], bytes], Answer]

OVER_TCP: dict[str, Client] = {
    "requests": by_requests,
    "httpx": by_httpx,
    "http.client": by_http_client,
    "curl": by_curl,
}

OVER_UNIX: dict[str, Client] = {
    "httpx": by_httpx,
    "http.client": by_http_client,
    "curl": by_curl,
}
