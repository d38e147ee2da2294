"""Tests of the names of Waitress: each is there, or an error names it."""

from __future__ import annotations

import importlib
import pkgutil
import types

import pytest
import waitress
from both_servers import INSTALL, PRELUDE, run, run_with_both

MODULES = sorted(module.name for module in pkgutil.iter_modules(waitress.__path__))

STAND_INS = {
    "adjustments",
    "compat",
    "proxy_headers",
    "runner",
    "server",
    "task",
    "utilities",
    "wasyncore",
}


def own_names(part: str) -> list[str]:
    """Return the public names that a module of Waitress defines itself."""
    module = importlib.import_module(f"waitress.{part}")
    return sorted(
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and not isinstance(value, types.ModuleType)
        and getattr(value, "__module__", module.__name__) == module.__name__
    )


TELL = """
import importlib

def tell(module, name=None):
    try:
        if name is None:
            importlib.import_module(module)
        else:
            exec(f"from {module} import {name}")
    except ImportError as error:
        text = str(error)
        assert "Maitred stands in for Waitress" in text, text
        assert "docs/guides/from-waitress.md" in text, text
        assert f"`{module}.{name}`" in text if name else f"`{module}`" in text, text
        return False
    return True
"""


def test_each_module_is_there_or_its_error_says_why_it_is_not():
    parts = [part for part in MODULES if part != "__main__"]
    form = TELL + f"\nprint([part for part in {parts!r} if tell('waitress.' + part)])"
    assert run(INSTALL + form) == f"{sorted(STAND_INS)}\n"


@pytest.mark.parametrize("part", sorted(STAND_INS))
def test_each_name_of_a_module_is_there_or_its_error_names_it(part):
    form = TELL + f"\nprint([tell('waitress.{part}', name) for name in {own_names(part)!r}])"
    told = run(INSTALL + form)
    assert "True" in told


USED = {
    "adjustments": "Adjustments asbool aslist aslist_cronly asoctal asset slash_fixed_str "
    "str_iftruthy as_socket_list KNOWN_PROXY_HEADERS PROXY_HEADERS truthy",
    "compat": "WIN MAXINT HAS_IPV6 IPPROTO_IPV6 IPV6_V6ONLY",
    "proxy_headers": "PROXY_HEADERS proxy_headers_middleware",
    "runner": "run",
    "server": "create_server BaseWSGIServer TcpWSGIServer UnixWSGIServer MultiSocketServer "
    "WSGIServer",
    "task": "ThreadedTaskDispatcher",
    "utilities": "logger queue_logger build_http_date parse_http_date cleanup_unix_socket",
    "wasyncore": "loop close_all socket_map ExitNow _DISCONNECTED",
}


@pytest.mark.parametrize("part", USED)
def test_the_names_that_programs_use_are_in_both(part):
    names = USED[part].split()
    form = f"from waitress.{part} import {', '.join(names)}\nprint({len(names)})"
    theirs, ours = run_with_both(form)
    assert ours == theirs == f"{len(names)}\n"


SETTING = {
    "channel_class": "server.channel_class = object",
    "handle_accept": "server.handle_accept = print",
    "maintenance": "server.maintenance = print",
    "set_socket_options": "server.set_socket_options = print",
    "adj.threads": "server.adj.threads = 8",
    "adj.channel_timeout": "server.adj.channel_timeout = 5",
    "add_task": "server.task_dispatcher.add_task = print",
    "close": "next(iter(server.active_channels.values())).close",
    "set_thread_count": "server.task_dispatcher.set_thread_count(9)",
}

OVERRIDING = {
    "channel_class": ("waitress.server.TcpWSGIServer", "channel_class = object"),
    "handle_accept": ("waitress.server.TcpWSGIServer", "def handle_accept(self): pass"),
    "set_socket_options": ("waitress.server.WSGIServer", "def set_socket_options(self, c): pass"),
    "maintenance": ("waitress.server.BaseWSGIServer", "def maintenance(self, now): pass"),
    "readable": ("waitress.server.UnixWSGIServer", "def readable(self): return True"),
    "add_task": ("ThreadedTaskDispatcher", "def add_task(self, task): pass"),
}


@pytest.mark.parametrize("name", SETTING)
def test_setting_what_is_not_used_is_an_error_that_names_it(name):
    form = f"""
server = create_server(app, **LOCAL)
thread = start(server.run)
with socket.create_connection(("127.0.0.1", int(server.effective_port)), 60):
    until(lambda: len(server.active_channels) == 1)
    try:
        {SETTING[name]}
    except (NotImplementedError, AttributeError) as error:
        print(error)
server.close()
assert ended(thread)
"""
    told = run(INSTALL + PRELUDE + form)
    assert f"`{name}`" in told or name == "set_thread_count"
    assert "threads" in told if name == "set_thread_count" else True


@pytest.mark.parametrize("name", OVERRIDING)
def test_overriding_what_is_never_called_is_an_error_that_names_it(name):
    base, body = OVERRIDING[name]
    form = f"""
class Own({base}):
    {body}
try:
    Own() if issubclass(Own, ThreadedTaskDispatcher) else Own(app, **LOCAL)
except NotImplementedError as error:
    print(error)
"""
    told = run(INSTALL + PRELUDE + form)
    assert told.startswith(f"overriding `{name}` has no effect: ")
    assert "docs/guides/from-waitress.md" in told


def test_something_else_in_the_map_is_an_error_that_says_why():
    form = """
try:
    wasyncore.loop(timeout=.1, map={1: object()})
except NotImplementedError as error:
    print(error)
"""
    assert "has an event loop of its own" in run(INSTALL + PRELUDE + form)


def test_an_attribute_that_is_read_is_missing_like_any_other():
    form = """
server = create_server(app, **LOCAL)
print(hasattr(server, "channel_class"), hasattr(waitress, "nothing"))
server.close()
"""
    assert run(INSTALL + PRELUDE + form) == "False False\n"
