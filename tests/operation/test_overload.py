"""Tests of requests that take too long: the response, and the log."""

from __future__ import annotations

from client import request

#: Long enough for a thread that the machine lets wait to get where its stack is looked for, and for
#: a request that is not stuck to be answered.
REQUEST_TIMEOUT = "--request-timeout=3s"


def test_504_comes_on_time_even_while_c_code_holds_the_interpreters_lock(stuck, gate):
    server, admin = stuck("--threads=1", REQUEST_TIMEOUT)
    with server.connect() as connection:
        connection.send(request("/gil"))
        gate.await_one()
        assert connection.read().status == 504
        assert admin.metric("maitred_threads_stuck") == 1
    # Whoever writes the line waits for the interpreter first.
    gate.open()
    server.wait_for("request-timeout: a request is aborted, and its thread is stuck")
    admin.until("maitred_threads_stuck", 0)
    admin.until("maitred_threads", 1)
    with server.connect() as connection:
        connection.send(request("/"))
        assert connection.read().status == 200


def test_a_stuck_thread_is_replaced_and_its_stack_is_logged(stuck, gate):
    server, admin = stuck("--threads=1", REQUEST_TIMEOUT)
    with server.connect() as connection:
        connection.send(request("/wait"))
        gate.await_one()
        assert connection.read().status == 504
    line = server.wait_for(r"request-timeout: .*it was replaced.*")[0]
    assert "path=/wait" in line
    assert "worker_thread=maitred-0" in line
    server.wait_for(r"\n +.*gate\.recv\(1\)")
    # The first thread still waits at the gate.
    with server.connect() as connection:
        connection.send(request("/"))
        assert connection.read().status == 200
    assert admin.metric('maitred_requests_total{method="GET",code="504"}') == 1


def test_the_stack_of_a_slow_request_is_logged_once(stuck, gate):
    server, _ = stuck("--threads=2", "--slow-request=200ms")
    with server.connect() as first, server.connect() as second:
        first.send(request("/wait/first"))
        gate.await_one()
        server.wait_for(r"slow-request: a request is still running .*path=/wait/first")
        # Or on the way to the gate, if the machine has let it wait.
        server.wait_for(r'\n +.*stuck_app\.py", line \d+, in app\n')
        second.send(request("/wait/second"))
        gate.await_one()
        # Whoever sees that this one is slow has seen the first one again.
        server.wait_for(r"slow-request: a request is still running .*path=/wait/second")
        gate.open()
        assert first.read().status == second.read().status == 200
    assert server.log.count("slow-request:") == 2
