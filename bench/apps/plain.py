"""The WSGI applications under load: plain PEP 3333 callables that import nothing but Python's own.

They cost as little as they can, so that a server's work is measured and not a framework's.
"""

import itertools
import os
import tempfile
import time

HELLO = b"Hello, world!"
MIB = bytes(range(256)) * 4096
CHUNK = b"0123456789abcdef" * 64
CHUNKS = 64
FILE = MIB * 4
HELD_BYTES = 8_000_000

# About 200 µs of CPython 3.11 on a 2020s server core; the same for every server compared.
WORK_ROUNDS = 6500


def hello(environ, start_response):
    """Answer 13 bytes with their length and type: the smallest useful response."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "13")])
    return [HELLO]


def headers(environ, start_response):
    """Read what applications read from environ, and answer five fields."""
    parts = (
        environ["REQUEST_METHOD"],
        environ["PATH_INFO"],
        environ["QUERY_STRING"],
        environ["HTTP_HOST"].partition(":")[0],
        environ["HTTP_USER_AGENT"][:11],
        str(len(environ["HTTP_COOKIE"])),
    )
    body = "|".join(parts).encode("latin-1")
    fields = [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        ("X-Request-Id", "3f1c9f0a-6f3e-4a57-9c5f-000000000001"),
        ("Set-Cookie", "session=abcdef0123456789; Path=/; HttpOnly"),
    ]
    start_response("200 OK", fields)
    return [body]


def body_length(environ, start_response):
    """Read the whole request body, and answer its length."""
    read = len(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    body = str(read).encode()
    fields = [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
    start_response("200 OK", fields)
    return [body]


def mebibyte(environ, start_response):
    """Answer one ready bytes object of 1 MiB."""
    fields = [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(MIB)))]
    start_response("200 OK", fields)
    return [MIB]


def stream(environ, start_response):
    """Answer 64 chunks of 1 KiB from a generator, without a length."""
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return (CHUNK for _ in range(CHUNKS))


def sleep(environ, start_response):
    """Wait 10 ms without the GIL, as for a database, and answer as hello does."""
    time.sleep(0.010)
    return hello(environ, start_response)


_turn = itertools.count()


def cpu_mix(environ, start_response):
    """Every other request works under the GIL for about 200 µs; answer as hello does."""
    if next(_turn) & 1:
        total = 0
        for i in range(WORK_ROUNDS):
            total += i & 7
    return hello(environ, start_response)


def compute(environ, start_response):
    """Work under the GIL for about 2 ms, and answer as hello does."""
    total = 0
    for i in range(10 * WORK_ROUNDS):
        total += i & 7
    return hello(environ, start_response)


def short_and_long(environ, start_response):
    """Wait without the GIL, 100 ms for /long and else 1 ms, and answer as hello does."""
    time.sleep(0.100 if environ["PATH_INFO"] == "/long" else 0.001)
    return hello(environ, start_response)


def held(environ, start_response):
    """Answer 8 MB of its own to each request for /large, read a body, and else answer as hello."""
    if environ["PATH_INFO"] != "/large":
        environ["wsgi.input"].read()
        return hello(environ, start_response)
    body = bytes(HELD_BYTES)
    fields = [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(body)))]
    start_response("200 OK", fields)
    return [body]


def path_info(environ, start_response):
    """Answer PATH_INFO, which tells whether pipelined answers come in their order."""
    body = environ["PATH_INFO"].encode("latin-1")
    fields = [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
    start_response("200 OK", fields)
    return [body]


def _file_of_4_mib():
    path = os.path.join(tempfile.gettempdir(), "maitred-bench-4-mib")
    if not os.path.exists(path) or os.path.getsize(path) != len(FILE):
        unfinished = f"{path}.{os.getpid()}"
        with open(unfinished, "wb") as f:
            f.write(FILE)
        os.replace(unfinished, path)
    return path


_file_path = _file_of_4_mib()


def file(environ, start_response):
    """Answer a file of 4 MiB, through wsgi.file_wrapper where the server has one."""
    fields = [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(FILE)))]
    start_response("200 OK", fields)
    opened = open(_file_path, "rb")  # noqa: SIM115 - the server closes it
    if wrapper := environ.get("wsgi.file_wrapper"):
        return wrapper(opened, 65536)
    return _blocks(opened)


def _blocks(opened):
    with opened:
        while block := opened.read(65536):
            yield block
