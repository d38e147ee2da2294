"""Tests of every keyword of Waitress, its default and its casts, against the real Waitress."""

from __future__ import annotations

import pytest
from maitred._native import read_settings
from waitress.adjustments import Adjustments

KEYWORDS = [name for name, _ in Adjustments._params]

OTHER_DEFAULTS = {
    "ident": "maitred",
    "server_name": "maitred.invalid",
    "trusted_proxy_count": 1,  # Waitress says None, and means 1
}

UNSET = {"listen", "sockets", "trusted_proxy_headers", "unix_socket", "trusted_proxy"}
"""Empty in one way or the other."""


def test_there_are_34():
    assert len(KEYWORDS) == 34


@pytest.mark.parametrize("name", KEYWORDS)
def test_the_default_is_that_of_waitress(name):
    ours = read_settings({})[name]
    theirs = getattr(Adjustments(), name)
    if name in UNSET:
        assert not ours
    elif name == "unix_socket_perms":
        assert ours == 0o600 == theirs
    elif name in {"recv_bytes", "send_bytes", "asyncore_loop_timeout", "asyncore_use_poll"}:
        assert ours in (theirs, None)  # they change nothing
    else:
        assert ours == OTHER_DEFAULTS.get(name, theirs)


GIVEN = {
    "host": ("127.0.0.1", "127.0.0.1"),
    "port": ("8081", 8081),
    "ipv4": ("yes", True),
    "ipv6": ("off", False),
    "unix_socket": ("/run/x", "/run/x"),
    "unix_socket_perms": ("660", 0o660),
    "threads": ("8", 8),
    "trusted_proxy_count": ("2", 2),
    "log_untrusted_proxy_headers": ("t", True),
    "clear_untrusted_proxy_headers": ("N", False),
    "backlog": ("64", 64),
    "connection_limit": ("500", 500),
    "cleanup_interval": ("10", 10),
    "channel_timeout": ("60", 60),
    "log_socket_errors": ("false", False),
    "max_request_header_size": ("1000", 1000),
    "max_request_body_size": ("1000", 1000),
    "expose_tracebacks": ("true", True),
    "inbuf_overflow": ("4096", 4096),
    "outbuf_overflow": ("4096", 4096),
    "outbuf_high_watermark": ("8192", 8192),
    "recv_bytes": ("4096", 4096),
    "channel_request_lookahead": ("3", 3),
    "url_scheme": ("https", "https"),
    "url_prefix": ("///foo/", "/foo"),
    "ident": ("mine", "mine"),
    "asyncore_loop_timeout": ("2", 2),
    "asyncore_use_poll": ("1", True),
    "server_name": ("example.com", "example.com"),
}
"""Text, as PasteDeploy hands everything over, and what both make of it."""


@pytest.mark.parametrize("name", GIVEN)
def test_text_is_read_as_waitress_reads_it(name):
    text, value = GIVEN[name]
    extra = {"trusted_proxy": "*", "trusted_proxy_headers": "x-forwarded-for"}
    others = extra if name == "trusted_proxy_count" else {}
    assert read_settings({name: text, **others})[name] == value
    assert getattr(Adjustments(**{name: text}, **others), name) == value


@pytest.mark.parametrize(
    "headers", ["x-forwarded-for x-forwarded-proto", {"x-forwarded-proto", "x-forwarded-for"}]
)
def test_proxy_headers_are_words_or_a_set(headers):
    told = read_settings({"trusted_proxy": "10.0.0.1", "trusted_proxy_headers": headers})
    assert set(told["trusted_proxy_headers"]) == {"x-forwarded-for", "x-forwarded-proto"}


@pytest.mark.parametrize(
    "settings",
    [
        {"nonsense": 1},
        {"port": "x"},
        {"port": -1},
        {"threads": "0.5"},
        {"host": "127.0.0.1", "listen": "127.0.0.1:80"},
        {"port": 8080, "listen": "127.0.0.1:80"},
        {"unix_socket": "/x", "host": "127.0.0.1"},
        {"unix_socket": "/x", "listen": "127.0.0.1:80"},
        {"trusted_proxy_headers": "x-forwarded-for"},
        {"trusted_proxy": "*", "trusted_proxy_headers": "x-forwarded-nonsense"},
        {"trusted_proxy": "*", "trusted_proxy_headers": "forwarded x-forwarded-for"},
        {"trusted_proxy_count": 2},
    ],
)
def test_what_waitress_refuses_is_refused(settings):
    with pytest.raises(ValueError, match=r"\w"):
        Adjustments(**settings)
    with pytest.raises(ValueError, match=r"\w"):
        read_settings(settings)
