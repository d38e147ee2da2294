"""Replaces ``waitress.adjustments``: settings as attributes, and Waitress's casts."""

from __future__ import annotations

import getopt
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar

from maitred import _native
from maitred.waitress_alias.compat import HAS_IPV6
from maitred.waitress_alias.proxy_headers import PROXY_HEADERS
from maitred.waitress_alias.refusal import refused_name

KNOWN_PROXY_HEADERS: frozenset[str] = frozenset(
    name.lower().replace("_", "-") for name in PROXY_HEADERS
)

truthy: frozenset[str] = frozenset({"t", "true", "y", "yes", "on", "1"})

SocketInfo = tuple[int, int, int, Any]
"""Family, type, protocol and address of a socket to listen on."""


def __getattr__(name: str) -> Any:
    raise refused_name("waitress.adjustments", name)


def asbool(value: Any) -> bool:
    """Return whether a value means true."""
    if value is None or isinstance(value, bool):
        return bool(value)
    return str(value).strip().lower() in truthy


def asoctal(value: str) -> int:
    """Return octal digits as a number."""
    return int(value, 8)


def aslist_cronly(value: str | Iterable[str]) -> list[str]:
    """Return the non-empty lines of a text; a list is returned unchanged."""
    if isinstance(value, str):
        value = filter(None, (line.strip() for line in value.splitlines()))
    return list(value)


def aslist(value: str | Iterable[str]) -> list[str]:
    """Return the words of a text, or of each text in a list."""
    return [word for line in aslist_cronly(value) for word in line.split()]


def asset(value: str | Iterable[str]) -> set[str]:
    """Return the words of a text as a set."""
    return set(aslist(value))


def slash_fixed_str(text: str) -> str:
    """Return a path with one leading slash and no trailing slash."""
    text = text.strip()
    return "/" + text.lstrip("/").rstrip("/") if text else text


def str_iftruthy(value: Any) -> str | None:
    """Return a value as text, or `None` for an empty one."""
    return str(value) if value else None


def as_socket_list(sockets: Iterable[Any]) -> list[socket.socket]:
    """Return the sockets among the elements."""
    return [element for element in sockets if isinstance(element, socket.socket)]


_PARAMS: tuple[tuple[str, Callable[[Any], Any], Any], ...] = (
    ("host", str, "0.0.0.0"),  # noqa: S104 (Waitress's default)
    ("port", int, 8080),
    ("ipv4", asbool, True),
    ("ipv6", asbool, True),
    ("listen", aslist, ["0.0.0.0:8080"]),
    ("threads", int, 4),
    ("trusted_proxy", str_iftruthy, None),
    ("trusted_proxy_count", int, None),
    ("trusted_proxy_headers", asset, set()),
    ("log_untrusted_proxy_headers", asbool, False),
    ("clear_untrusted_proxy_headers", asbool, True),
    ("url_scheme", str, "http"),
    ("url_prefix", slash_fixed_str, ""),
    ("backlog", int, 1024),
    ("recv_bytes", int, 8192),
    ("send_bytes", int, 1),
    ("outbuf_overflow", int, 1 << 20),
    ("outbuf_high_watermark", int, 16 << 20),
    ("inbuf_overflow", int, 512 << 10),
    ("connection_limit", int, 100),
    ("cleanup_interval", int, 30),
    ("channel_timeout", int, 120),
    ("log_socket_errors", asbool, True),
    ("max_request_header_size", int, 256 << 10),
    ("max_request_body_size", int, 1 << 30),
    ("expose_tracebacks", asbool, False),
    ("ident", str_iftruthy, "waitress"),
    ("asyncore_loop_timeout", int, 1),
    ("asyncore_use_poll", asbool, False),
    ("unix_socket", str, None),
    ("unix_socket_perms", asoctal, 0o600),
    ("sockets", as_socket_list, []),
    ("channel_request_lookahead", int, 0),
    ("server_name", str, "waitress.invalid"),
)
"""Name, cast and default of Waitress's settings, in its order."""

_CHANGED_DEFAULTS = {"ident": "waitress", "server_name": "waitress.invalid"}
"""The defaults that Maitred has not."""


class Adjustments:
    """Every setting as an attribute, by its keyword. Invalid ones raise `ValueError`.

    Waitress's settings have the values that its casts give, and ``listen`` is the list of sockets
    to open. Maitred's other settings have durations in seconds and sizes in bytes.
    """

    _params = tuple((name, cast) for name, cast, _ in _PARAMS)
    _param_map: ClassVar[dict[str, Callable[[Any], Any]]] = dict(_params)

    listen: list[Any]
    sockets: list[socket.socket]
    trusted_proxy_count: int
    trusted_proxy_headers: set[str]
    socket_options: tuple[tuple[int, int, int], ...] = (
        (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    )

    def __init__(self, **kw: Any) -> None:
        self.settings: dict[str, Any] = {**_CHANGED_DEFAULTS, **kw}
        known = _native.read_settings(self.settings)
        for name, value in known.items():
            if name not in self._param_map:
                setattr(self, name, value)
        for name, value in kw.items():
            if cast := self._param_map.get(name):
                object.__setattr__(self, name, cast(value))
        self.trusted_proxy_count = known["trusted_proxy_count"]
        if self.trusted_proxy:
            headers = known["trusted_proxy_headers"] or {"x-forwarded-proto"}
            self.trusted_proxy_headers = set(headers)
        self.sockets = list(self.sockets)
        self.check_sockets(self.sockets)
        self.listen = list(_sockets_to_open(self, kw))
        self._in_use = False

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"there is no setting {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        if self.__dict__.get("_in_use"):
            raise AttributeError(
                f"`adj.{name}` cannot be changed: the server has read it; pass `{name}` to "
                "create_server()"
            )
        if name in self._param_map and "_in_use" in self.__dict__:
            self.settings[name] = value
        object.__setattr__(self, name, value)

    def use(self) -> dict[str, Any]:
        """Return the settings as keywords for a server. From now on they cannot be changed."""
        object.__setattr__(self, "_in_use", True)
        return self.settings

    @classmethod
    def parse_args(cls, argv: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
        """Split a command line into keywords, ``help`` and ``call``, and other arguments."""
        options = ["help", "call"]
        for name, cast in cls._params:
            option = name.replace("_", "-")
            options += [option, f"no-{option}"] if cast is asbool else [f"{option}="]
        keywords: dict[str, Any] = {"help": False, "call": False}
        given, rest = getopt.getopt(list(argv), "", options)
        for option, value in given:
            name = option.removeprefix("--").replace("-", "_")
            if name == "listen":
                keywords["listen"] = f"{keywords.get('listen', '')} {value}"
            elif name in ("help", "call"):
                keywords[name] = True
            elif name.startswith("no_"):
                keywords[name.removeprefix("no_")] = "false"
            elif cls._param_map[name] is asbool:
                keywords[name] = "true"
            else:
                keywords[name] = value
        return keywords, rest

    @classmethod
    def check_sockets(cls, sockets: Iterable[socket.socket]) -> None:
        """Raise `ValueError` for sockets that a server cannot use, or not together."""
        unix = getattr(socket, "AF_UNIX", None)
        families = set()
        for each in sockets:
            if each.type != socket.SOCK_STREAM or each.family not in (
                socket.AF_INET,
                socket.AF_INET6,
                unix,
            ):
                raise ValueError("Only Internet or UNIX stream sockets may be used.")
            families.add(each.family == unix)
        if len(families) > 1:
            raise ValueError("Internet and UNIX sockets may not be mixed.")


for _name, _cast, _default in _PARAMS:
    setattr(Adjustments, _name, _default)


def _sockets_to_open(adj: Adjustments, given: dict[str, Any]) -> Iterator[SocketInfo]:
    """Resolve ``listen``, or ``host`` and ``port``."""
    seen = set()
    for place in adj.listen if "listen" in given else [f"{adj.host}:{adj.port}"]:
        if place.startswith(("unix:", "fd:")):
            continue  # of Maitred: neither has a host
        host, colon, port = place.rpartition(":")
        if not colon or "]" in port:
            host, port = place, str(adj.port)
        host = host.strip("[]")
        try:
            found = socket.getaddrinfo(
                None if host == "*" else host,
                port,
                _family(adj),
                socket.SOCK_STREAM,
                socket.IPPROTO_TCP,
                socket.AI_PASSIVE,
            )
        except OSError as error:
            raise ValueError(f"Invalid host/port specified: {place}: {error}") from error
        for family, kind, protocol, _, address in found:
            key = (str(address[0]).partition("%")[0], address[1])
            if address[1] == 0 or key not in seen:
                seen.add(key)
                yield family, kind, protocol, address


def _family(adj: Adjustments) -> int:
    if adj.ipv4 and not adj.ipv6:
        return socket.AF_INET
    if adj.ipv6 and not adj.ipv4 and HAS_IPV6:
        return socket.AF_INET6
    return socket.AF_UNSPEC
