"""Tests of `maitred.create_server`, as programs and test suites use it."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import maitred
import pytest
from client import PATIENCE_SECONDS, Connection, request


def app(environ, start_response):
    """Answer with the path and the name of the thread."""
    body = f"{environ['PATH_INFO']} on {threading.current_thread().name}".encode()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body]


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read().decode()


def local(**settings):
    return maitred.create_server(app, host="127.0.0.1", port=0, **settings)


def threads() -> set[str]:
    """Return the numbers of this process's threads, of whichever language."""
    return set(os.listdir("/proc/self/task"))  # noqa: PTH208 (names, without looking at them)


def eventually(is_so: Callable[[], bool]) -> None:
    """Wait for what comes about by itself; the test says whether it has."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.01)


def test_a_server_is_a_context_manager():
    with local() as server:
        assert get(f"{server.url}/x").startswith("/x on maitred-")
        host, port = server.effective_host, server.effective_port
        assert (host, server.url) == ("127.0.0.1", f"http://127.0.0.1:{port}")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), 60)


def test_making_a_server_binds_and_starts_nothing():
    before = threads()
    server = local()
    # Those of an earlier server may be ending still.
    assert threads() - before == set()
    with socket.create_connection((server.effective_host, int(server.effective_port)), 5):
        pass
    server.close()


def test_an_application_object_has_one_process_whatever_the_environment_says(monkeypatch):
    monkeypatch.setenv("WEB_CONCURRENCY", "4")
    told = []

    def ask(environ, start_response):
        told.append(environ["wsgi.multiprocess"])
        return app(environ, start_response)

    with maitred.create_server(ask, host="127.0.0.1", port=0) as server:
        get(server.url)
    assert told == [False]


def test_run_returns_when_another_thread_closes():
    server = local()
    running = threading.Thread(target=server.run)
    running.start()
    assert get(server.url)
    server.close()
    running.join(60)
    assert not running.is_alive()


def test_a_server_that_was_closed_before_it_ran_does_not_run():
    server = local()
    server.close()
    server.close()
    server.run()
    with pytest.raises(RuntimeError, match="closed"), server:
        pass


def test_an_application_may_close_its_own_server():
    def closing(environ, start_response):
        server.close()
        return app(environ, start_response)

    server = maitred.create_server(closing, host="127.0.0.1", port=0)
    running = threading.Thread(target=server.run)
    running.start()
    assert get(f"{server.url}/bye").startswith("/bye")
    running.join(60)
    assert not running.is_alive()


def test_what_runs_is_finished_before_close_ends_it():
    entered, leave = threading.Event(), threading.Event()

    def slow(environ, start_response):
        entered.set()
        assert leave.wait(60)
        return app(environ, start_response)

    server = maitred.create_server(slow, host="127.0.0.1", port=0)
    running = threading.Thread(target=server.run)
    running.start()
    answers: list[str] = []
    asking = threading.Thread(target=lambda: answers.append(get(f"{server.url}/slow")))
    asking.start()
    assert entered.wait(60)
    server.close()
    leave.set()
    asking.join(60)
    running.join(60)
    assert answers[0].startswith("/slow")
    assert not running.is_alive()


def test_two_servers_with_different_applications_run_in_one_process():
    def other(environ, start_response):
        del environ
        start_response("200 OK", [])
        return [b"other"]

    with local() as first, maitred.create_server(other, host="127.0.0.1", port=0) as second:
        assert get(f"{first.url}/x").startswith("/x")
        assert get(second.url) == "other"


def test_several_addresses_are_told_each_with_host_and_port(tmp_path):
    listen = f"127.0.0.1:0 unix:{tmp_path}/s"
    with maitred.create_server(app, listen=listen) as server:
        (host, port), unix = server.effective_listen
        assert (host, server.effective_port) == ("127.0.0.1", port)
        assert unix == ("unix", f"{tmp_path}/s")
        with Connection(f"{tmp_path}/s") as connection:
            assert connection.ask(request("/u")).body.startswith(b"/u")
    assert not (tmp_path / "s").exists()


def test_sockets_that_are_already_bound_are_taken_over():
    with (
        socket.create_server(("127.0.0.1", 0)) as bound,
        maitred.create_server(app, sockets=[bound]) as server,
    ):
        assert int(server.effective_port) == bound.getsockname()[1]
        assert get(f"{server.url}/x").startswith("/x")


def test_the_socket_can_be_asked_for_its_address():
    server = local()
    assert server.socket.getsockname() == ("127.0.0.1", int(server.effective_port))
    assert server.socket is server.socket
    with server:
        assert get(server.url)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(server.effective_port)), 5)


def test_print_listen_logs_a_line_for_each_address(caplog):
    caplog.set_level(logging.INFO, "maitred")
    server = local()
    server.print_listen("Serving on http://{}:{}")
    server.close()
    assert f"Serving on http://127.0.0.1:{server.effective_port}" in caplog.messages


def test_the_log_reaches_pythons_logging_from_a_thread_of_its_own(caplog):
    def fails(environ, start_response):
        raise RuntimeError("a mistake")

    caplog.set_level(logging.INFO, "maitred")
    with (
        maitred.create_server(fails, host="127.0.0.1", port=0) as server,
        Connection((server.effective_host, int(server.effective_port))) as connection,
    ):
        assert connection.ask(request("/x")).status == 500
    serving = next(record for record in caplog.records if "serving on" in record.message)
    assert (serving.name, serving.levelname) == ("maitred", "INFO")
    raised = next(record for record in caplog.records if record.exc_text)
    assert raised.exc_text.endswith("RuntimeError: a mistake")
    kind, exception, traceback = raised.exc_info
    assert (kind, str(exception)) == (RuntimeError, "a mistake")
    assert traceback.tb_frame.f_code is fails.__code__
    assert logging.Formatter().format(raised).count("RuntimeError: a mistake") == 1
    assert raised.levelname == "ERROR"
    assert raised.threadName.startswith("maitred-")
    assert raised.maitred["path"] == "/x"


def test_the_log_lets_go_of_an_exception_once_it_has_been_handed_over(monkeypatch):
    # What pytest collects, it keeps.
    logger = logging.getLogger("maitred.application")
    monkeypatch.setattr(logger, "propagate", False)
    monkeypatch.setattr(logger, "handlers", [logging.NullHandler()])
    gone = threading.Event()

    class Held:
        def __del__(self):
            gone.set()

    def fails(environ, start_response):
        held = Held()
        raise RuntimeError(id(held))

    with (
        maitred.create_server(fails, host="127.0.0.1", port=0) as server,
        Connection((server.effective_host, int(server.effective_port))) as connection,
    ):
        assert connection.ask(request("/")).status == 500
        assert gone.wait(PATIENCE_SECONDS)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"threds": 8}, "`threads`"),
        ({"threads": 0}, "threads"),
        ({"threads": "many"}, "many"),
        ({"host": "127.0.0.1", "listen": "127.0.0.1:80"}, "listen"),
        ({"port": 80, "unix_socket": "/x"}, "unix_socket|unix-socket"),
        ({"port": 70000}, "70000"),
        ({"trusted_proxy_count": 0}, "trusted"),
        ({"threads": object()}, "threads"),
        ({"access_log": "-", "access_log_format": "%(nope)s"}, r"unknown field `%\(nope\)s`"),
    ],
)
def test_wrong_settings_raise_value_error_and_say_what_is_right(settings, said):
    with pytest.raises(ValueError, match=said):
        maitred.create_server(app, **settings)


def test_an_application_that_is_none_is_a_value_error():
    with pytest.raises(ValueError, match="None"):
        maitred.create_server(None)


async def asgi(scope, receive, send):
    """Do nothing, in the wrong way."""


@pytest.mark.parametrize(
    ("app", "said"), [(asgi, "ASGI application"), (lambda: 0, "start_response")]
)
def test_what_can_never_be_called_as_an_application_is_a_type_error(app, said):
    with pytest.raises(TypeError, match=said):
        maitred.create_server(app, port=0)


def test_an_address_in_use_is_an_os_error_that_names_it():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"127.0.0.1:{port}.*in use") as raised:
            maitred.create_server(app, host="127.0.0.1", port=port)
        assert raised.value.errno == errno.EADDRINUSE


def test_two_hundred_servers_leave_no_thread_no_descriptor_and_no_memory():
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 (one call, counted)

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def turn() -> None:
        server = local(threads=2)
        running = threading.Thread(target=server.run)
        running.start()
        assert get(server.url)
        server.close()
        running.join(60)
        assert not running.is_alive()

    before = threads()
    for _ in range(20):
        turn()
    # What the last server had is let go by whichever of its threads ends last, after run().
    eventually(lambda: threads() <= before)
    count, memory = descriptors(), resident()
    for _ in range(200):
        turn()
    eventually(lambda: threads() <= before and descriptors() <= count)
    assert threads() - before == set()
    assert descriptors() <= count
    assert resident() - memory < 16 << 20
    assert [thread.name for thread in threading.enumerate() if "maitred" in thread.name] == []


def test_a_server_runs_beside_an_asyncio_loop():
    async def ask() -> str:
        with local() as server:
            loop = asyncio.get_running_loop()
            first = loop.run_in_executor(None, get, f"{server.url}/a")
            second = loop.run_in_executor(None, get, f"{server.url}/b")
            return " ".join([await first, await second])

    told = asyncio.run(ask())
    assert "/a on" in told
    assert "/b on" in told


def test_a_server_made_before_a_fork_runs_in_the_child():
    server = local()
    child = os.fork()
    if child == 0:
        try:
            server.run()
        finally:
            os._exit(1)
    try:
        assert get(f"{server.url}/x").startswith("/x")
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
        server.close()
