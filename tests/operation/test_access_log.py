"""Tests of the access log: in a file that is rotated, and on standard output."""

from __future__ import annotations

import json
import signal
import time

from client import PATIENCE_SECONDS, request


def test_json_lines_go_to_a_file_that_sigusr1_opens_anew(stuck, tmp_path):
    log = tmp_path / "access.log"
    server, admin = stuck(
        f"--access-log={log}", "--access-log-format=json", "--request-id=generate"
    )
    with server.connect() as connection:
        connection.send(request("/first"))
        assert connection.read().status == 200
        wait_for_lines(log, 1)
        log.rename(tmp_path / "access.log.1")
        server.signal(signal.SIGUSR1)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not log.exists():
            assert time.monotonic() < deadline, "the log was not opened anew"
            time.sleep(0.01)
        connection.send(request("/second"))
        assert connection.read().status == 200
    admin.until('maitred_requests_total{method="GET",code="200"}', 2)
    assert server.stop() == 0
    (second,) = map(json.loads, log.read_text().splitlines())
    (first,) = map(json.loads, (tmp_path / "access.log.1").read_text().splitlines())
    assert (first["target"], second["target"]) == ("/first", "/second")
    assert first["thread"].startswith("maitred-")
    assert first["request_id"] != second["request_id"]


def wait_for_lines(log, count):
    """Wait until a file has so many lines."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not log.exists() or log.read_text().count("\n") < count:
        assert time.monotonic() < deadline, f"never {count} lines in {log}"
        time.sleep(0.01)


def test_lines_go_to_standard_output_where_it_is_named_so(stuck):
    server, _ = stuck("--access-log=-", "--access-log-format=%(m)s %(U)s %(s)s %({x-y}i)s")
    with server.connect() as connection:
        connection.send(request("/out", fields=[("X-Y", 'a"b')]))
        assert connection.read().status == 200
    assert server.stop() == 0
    assert server.output == 'GET /out 200 a\\"b\n'


def test_an_invalid_format_is_one_of_the_problems_that_are_reported_together(program):
    server = program(
        "--listen=127.0.0.1:0",
        "--access-log=-",
        "--access-log-format=%(x)s",
        "--threads=many",
        "maitred.demo:app",
    )
    assert server.wait() == 2
    assert "--> command line: --access-log-format\n" in server.log
    assert "unknown field `%(x)s`: the fields are h, l, u, t, r," in server.log
    assert "`threads` must be" in server.log
    assert server.log.endswith("2 problems; nothing was started\n")


def test_what_the_application_adds_is_logged_and_what_a_query_holds_is_not(maitred, tmp_path):
    (tmp_path / "adding.py").write_text("""
def app(environ, start_response):
    environ["REMOTE_USER"] = "anna"
    start_response("302 Found", [("Location", "/next?token=2"), ("Content-Length", "0")])
    return [b""]
""")
    server = maitred(
        "--access-log=-",
        '--access-log-format="%(r)s" %({Location}o)s %({remote_user}e)s %({query_string}e)s.',
        "--no-access-log-query",
        "adding:app",
        cwd=tmp_path,
    )
    with server.connect() as connection:
        connection.send(request("/?token=1"))
        assert connection.read().status == 302
    assert server.stop() == 0
    assert server.output == '"GET / HTTP/1.1" /next anna -.\n'


def test_a_server_error_leaves_a_trace_without_an_access_log(maitred, tmp_path):
    (tmp_path / "failing.py").write_text("""
def app(environ, start_response):
    start_response("503 Service Unavailable", [("Content-Length", "0")])
    return [b""]
""")
    server = maitred("--request-id=generate", "failing:app", cwd=tmp_path)
    with server.connect() as connection:
        connection.send(request("/shop?token=1"))
        assert connection.read().status == 503
    line = server.wait_for(r"WARNING a request was answered with a server error (.*)\n")[1]
    assert line.startswith("method=GET path=/shop status=503 seconds=0."), line
    assert " request_id=" in line
    assert server.stop() == 0
