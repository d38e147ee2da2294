"""Tests of `maitred.install_as_waitress()`."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest
import requests
from server import Server


def run(program: str) -> str:
    """Run a program after ``install_as_waitress()`` and return what it prints."""
    text = "import maitred\nmaitred.install_as_waitress()\n" + textwrap.dedent(program)
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


SERVE_AND_ASK = """
    import threading, urllib.request
    from wsgiref.simple_server import demo_app

    def ask(server):
        running = threading.Thread(target=server.run)
        running.start()
        url = f"http://{server.effective_host}:{server.effective_port}"
        with urllib.request.urlopen(url, timeout=60) as answer:
            print(answer.status, answer.headers["Server"])
        server.close()
        running.join(60)
        print(running.is_alive())
"""


def test_create_server_makes_the_class_that_waitress_would():
    told = run("""
        import waitress, waitress.server as s, os, tempfile
        from wsgiref.simple_server import demo_app
        path = os.path.join(tempfile.mkdtemp(), "s")
        for how in ({"listen": "127.0.0.1:0"}, {"unix_socket": path},
                    {"listen": "127.0.0.1:0 127.0.0.1:0"}):
            server = waitress.create_server(demo_app, **how)
            print(type(server).__name__, isinstance(server, s.BaseWSGIServer))
            server.close()
        print(s.WSGIServer is s.TcpWSGIServer)
    """)
    names = ["TcpWSGIServer True", "UnixWSGIServer True", "MultiSocketServer True", "True"]
    assert told.splitlines() == names


def test_a_server_of_waitress_serves_and_says_that_it_is_waitress():
    told = run(
        textwrap.dedent(SERVE_AND_ASK)
        + textwrap.dedent("""
        from waitress.server import TcpWSGIServer
        ask(TcpWSGIServer(demo_app, host="127.0.0.1", port=0))
        import waitress
        ask(waitress.create_server(demo_app, listen="127.0.0.1:0", ident="other"))
        """)
    )
    assert told.split() == ["200", "waitress", "False", "200", "other", "False"]


def test_a_subclass_in_a_forked_child_reads_its_socket_and_ends_with_sigterm():
    told = run("""
        import multiprocessing, os, signal, urllib.request
        from waitress import server
        from wsgiref.simple_server import demo_app

        class Fixture(server.TcpWSGIServer):
            def __init__(self, application, queue, **kw):
                super().__init__(application, **kw)
                queue.put(self.socket.getsockname())

        def start(queue):
            Fixture(demo_app, queue, host="127.0.0.1", port=0).run()

        context = multiprocessing.get_context("fork")
        queue = context.Queue()
        child = context.Process(target=start, args=(queue,))
        child.start()
        host, port = queue.get(timeout=60)
        print(urllib.request.urlopen(f"http://{host}:{port}", timeout=60).status)
        child.terminate()
        child.join(60)
        print(child.exitcode)
    """)
    assert told.split() == ["200", "0"]


def test_every_part_that_programs_import_is_there():
    told = run("""
        import waitress, waitress.runner, waitress.adjustments, waitress.utilities, waitress.compat
        from waitress import serve, create_server, serve_paste
        from waitress.server import MultiSocketServer, UnixWSGIServer
        from waitress.adjustments import Adjustments, asbool, aslist
        from waitress.utilities import cleanup_unix_socket
        from waitress.compat import WIN
        print(waitress.runner.run(["waitress"]), WIN, asbool("Yes"), aslist("a b"))
        adjustments = Adjustments(threads="8", channel_timeout=60)
        print(adjustments.threads, adjustments.channel_timeout, adjustments.ident)
    """)
    assert told.splitlines() == ["2 False True ['a', 'b']", "8 60 waitress"]


def test_wrong_adjustments_are_a_value_error():
    told = run("""
        import waitress
        from wsgiref.simple_server import demo_app
        for how in ({"nonsense": 1}, {"listen": "127.0.0.1:0", "port": 1}):
            try:
                waitress.create_server(demo_app, **how)
            except ValueError as error:
                print("said")
    """)
    assert told.split() == ["said", "said"]


def test_serve_takes_the_hooks_of_adapters():
    told = run("""
        import waitress

        class Fake:
            def __init__(self, app, **kw):
                print(app, kw)
            def print_listen(self, text):
                print(text)
            def run(self):
                print("run")

        waitress.serve("app", _server=Fake, _quiet=True, port=1)
        print(waitress.serve_paste("app", None, _server=Fake))
    """)
    assert told.splitlines() == [
        "app {'port': 1}",
        "run",
        "app {}",
        "Serving on http://{}:{}",
        "run",
        "0",
    ]


def test_it_is_refused_once_the_real_one_has_been_imported():
    program = "import waitress, maitred\nmaitred.install_as_waitress()"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "imported already" in done.stderr


def test_twice_is_as_good_as_once():
    assert run("maitred.install_as_waitress(); print('fine')") == "fine\n"


BOTTLE = """
import logging, maitred
maitred.install_as_waitress()
import bottle
logging.basicConfig(level="INFO")
bottle.run(bottle.Bottle(), server="waitress", host="127.0.0.1", port=0)
print("stopped")
"""


def test_bottle_starts_us_by_its_adapter_for_waitress():
    server = Server([sys.executable, "-c", BOTTLE])
    try:
        url = server.wait_for(r"Serving on (http://\S+)\n")[1]
        assert requests.get(url, timeout=60).status_code == 404  # there are no routes
        assert server.stop() == 0
        assert server.output == "stopped\n"
    finally:
        server.close()


@pytest.mark.parametrize("name", ["waitress", "waitress.server"])
def test_nothing_starts_when_it_is_imported(name):
    told = run(f"""
        import os
        before = len(os.listdir("/proc/self/task"))
        import {name}
        print(len(os.listdir("/proc/self/task")) - before)
    """)
    assert told == "0\n"


PROXIES = """
    from waitress.proxy_headers import proxy_headers_middleware

    def app(environ, start_response):
        print(environ["REMOTE_ADDR"], environ["wsgi.url_scheme"],
              sorted(key for key in environ if "FORWARDED" in key))
        start_response("200 OK", [])
        return []

    def ask(settings, **fields):
        environ = {"REMOTE_ADDR": "10.0.0.1", "wsgi.url_scheme": "http", **fields}
        wrapped = proxy_headers_middleware(app, **settings)
        for piece in wrapped(environ, lambda status, fields: print(status)):
            print(piece.decode().split("\\r\\n")[2])

    both = {"x-forwarded-for", "x-forwarded-proto"}
    fields = {"HTTP_X_FORWARDED_FOR": "6.6.6.6, 1.2.3.4", "HTTP_X_FORWARDED_PROTO": "https"}
"""


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (
            "ask(dict(trusted_proxy='10.0.0.1', trusted_proxy_headers=both), **fields)",
            ["1.2.3.4 https ['HTTP_X_FORWARDED_FOR', 'HTTP_X_FORWARDED_PROTO']", "200 OK"],
        ),
        (
            "ask(dict(trusted_proxy='10.9.9.9', trusted_proxy_headers=both), **fields)",
            ["10.0.0.1 http []", "200 OK"],
        ),
        ("ask({}, **fields)", ["10.0.0.1 http []", "200 OK"]),
        (
            "ask(dict(trusted_proxy='*', trusted_proxy_headers={'x-forwarded-for'}),"
            " HTTP_X_FORWARDED_FOR='caf\\xe9')",
            ["400 Bad Request", "malformed proxy header `X-Forwarded-For`"],
        ),
        (
            "ask(dict(clear_untrusted=False), **fields)",
            ["10.0.0.1 http ['HTTP_X_FORWARDED_FOR', 'HTTP_X_FORWARDED_PROTO']", "200 OK"],
        ),
        (
            "ask(dict(trusted_proxy='*', trusted_proxy_headers=both),"
            " HTTP_X_FORWARDED_PROTO='gopher')",
            ["400 Bad Request", "malformed proxy header `X-Forwarded-Proto`"],
        ),
    ],
)
def test_the_middleware_for_proxies_believes_as_the_server_does(call, told):
    lines = run(textwrap.dedent(PROXIES) + call).splitlines()
    assert [line[: len(wanted)] for line, wanted in zip(lines, told, strict=True)] == told
