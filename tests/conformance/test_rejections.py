"""What a client and the operator are told about a request that is refused."""

from __future__ import annotations

import re

import pytest
from client import request

PROTOCOLS = {
    "tls": (b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1", 400, "TLS"),
    "proxy_protocol": (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", 400, "the PROXY protocol"),
    "proxy_protocol_2": (b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c", 400, "the PROXY protocol"),
    "http2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "HTTP/2"),
    "gateway_protocol": (b"\x00\x1a\x00\x00\x0e\x00REQUEST_METHOD", 400, "uwsgi or FastCGI"),
}


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_client_that_speaks_another_protocol_is_told_which(maitred, name):
    sent, status, said = PROTOCOLS[name]
    server = maitred("maitred.demo:app")
    with server.connect() as connection:
        answer = connection.ask(sent)
        assert answer.status == status
        assert f"looks like {said}" in answer.body.decode()
        connection.read_end()
    reason = name.removesuffix("_2")
    line = server.wait_for(f"rejected a request: .*looks like {re.escape(said)}.*\n")[0]
    assert f"reason={reason}" in line
    assert "client=127.0.0.1" in line


def test_max_request_header_fields_is_the_limit_of_header_lines(maitred):
    for limit, arguments in ((100, []), (7, ["--max-request-header-fields=7"])):
        server = maitred(*arguments, "maitred.demo:app")
        with server.connect() as connection:
            fields = [(f"X-{n}", "1") for n in range(limit - 1)]  # and Host
            assert connection.ask(request(fields=fields)).status == 200
            answer = connection.ask(request(fields=[*fields, ("X-Y", "1")]))
            assert answer.status == 431
        server.wait_for("reason=too_many_fields")


def test_more_header_lines_than_by_default_are_allowed_where_the_setting_says_so(maitred):
    server = maitred("--max-request-header-fields=1000", "maitred.demo:app")
    with server.connect() as connection:
        fields = [(f"X-{n}", "1") for n in range(999)]
        assert connection.ask(request(fields=fields)).status == 200


@pytest.mark.parametrize("name", ["Content-Type", "Authorization", "Range", "User-Agent"])
def test_two_values_of_a_field_that_is_no_list_are_refused(maitred, name):
    server = maitred("maitred.demo:app")
    with server.connect() as connection:
        assert connection.ask(request(fields=[(name, "a"), (name, "a")])).status == 200
        assert connection.ask(request(fields=[(name, "a"), (name, "b")])).status == 400
        connection.read_end()
    server.wait_for("reason=repeated_field")
