"""Tests of `reload`: a worker is replaced when its code changes."""

from __future__ import annotations

import json
import os
import shutil
import signal

import pytest
from client import request
from observing import until

SHOP = """
import json, os

VERSION = {version}

def app(environ, start_response):
    if environ["PATH_INFO"] == "/lazy":
        import lazy
        body = lazy.VERSION
    else:
        body = VERSION
    start_response("200 OK", [])
    return [json.dumps({{"pid": os.getpid(), "version": body}}).encode()]
"""


@pytest.fixture
def shop(tmp_path):
    """Return the file of an application, and write its first version."""
    path = tmp_path / "shop.py"
    path.write_text(SHOP.format(version=1))
    return path


@pytest.fixture
def server(workers, shop):
    """Return a server that reloads the application when it changes."""
    return workers("--reload", app="shop:app")


def until_version(server, version: int, path: str = "/") -> None:
    until(lambda: server.ask(path)["version"] == version, f"version {version} is served")


def test_an_edit_is_served_a_syntax_error_is_printed_and_the_repair_is_served(server, shop):
    first = server.ask()
    assert first["version"] == 1
    shop.write_text(SHOP.format(version=2))
    until_version(server, 2)
    second = server.ask()
    assert second["pid"] != first["pid"]
    server.server.wait_for(r"shop\.py changed")
    shop.write_text(SHOP.format(version=3).replace("def app(", "def app("[:-1]))
    server.server.wait_for("SyntaxError")
    server.server.wait_for("the old code is served until the next change")
    assert server.ask() == second
    shop.write_text(SHOP.format(version=4))
    until_version(server, 4)
    assert server.server.log.count("unmatched ')'") == 1


def test_a_client_keeps_its_connection_and_gets_the_new_code(server, shop):
    with server.server.connect() as connection:
        assert connection.ask(request("/")).status == 200
        shop.write_text(SHOP.format(version=22))
        server.server.wait_for("reload complete")
        until(
            lambda: b'"version": 22' in connection.ask(request("/")).body,
            "the same connection is served by the new worker",
        )


@pytest.mark.parametrize("editor", ["rename", "remove and rename", "in place"])
def test_whatever_way_an_editor_writes_a_file_the_change_is_seen(server, shop, editor):
    new = shop.with_name("shop.py~")
    if editor == "in place":
        shop.write_text(SHOP.format(version=2))
    else:
        new.write_text(SHOP.format(version=2))
        if editor == "remove and rename":
            shutil.move(shop, shop.with_name("backup~"))
        new.replace(shop)
    until_version(server, 2)


def test_a_module_that_is_imported_by_a_request_is_watched_too(server, shop):
    lazy = shop.with_name("lazy.py")
    lazy.write_text("VERSION = 10\n")
    until_version(server, 10, "/lazy")
    lazy.write_text("VERSION = 110\n")
    until_version(server, 110, "/lazy")


def test_a_fault_in_a_module_that_the_old_code_does_not_know_is_noticed_when_repaired(server, shop):
    shop.with_name("new.py").write_text("def broken(:\n")
    shop.write_text(SHOP.format(version=2) + "import new\n")
    server.server.wait_for("the old code is served until the next change")
    assert server.ask()["version"] == 1
    shop.with_name("new.py").write_text("\n")
    until_version(server, 2)


def test_an_application_that_cannot_be_imported_at_first_is_served_once_it_is_repaired(
    program, shop
):
    shop.write_text(SHOP.format(version=1) + "import missing\n")
    server = program("--reload", "--listen=127.0.0.1:0", "shop:app", cwd=shop.parent)
    server.wait_for("No module named 'missing'")
    server.wait_for("nothing is served until the code changes")
    shop.write_text(SHOP.format(version=1) + "import missing, another\n")
    server.wait_for("(?s)nothing is served.*nothing is served")
    shop.write_text(SHOP.format(version=3))
    server.wait_for("serving on")
    with server.connect() as connection:
        assert json.loads(connection.ask(request("/")).body)["version"] == 3
    server.signal(signal.SIGTERM)
    assert server.wait() == 0


def test_a_hook_that_raises_at_first_is_waited_for_too(program, shop):
    hook = "\nimport maitred\n@maitred.hook('worker-start')\ndef hook(worker):\n    {}\n"
    shop.write_text(SHOP.format(version=1) + hook.format("raise RuntimeError('not today')"))
    server = program("--reload", "--listen=127.0.0.1:0", "shop:app", cwd=shop.parent)
    server.wait_for("not today")
    server.wait_for("nothing is served until the code changes")
    shop.write_text(SHOP.format(version=1) + hook.format("pass"))
    server.wait_for("serving on")


def test_who_waits_for_a_repair_can_stop_the_server(program, shop):
    shop.write_text("import missing\n")
    server = program("--reload", "--listen=127.0.0.1:0", "shop:app", cwd=shop.parent)
    server.wait_for("nothing is served until the code changes")
    server.signal(signal.SIGINT)
    assert server.wait() == 0


def test_a_module_that_was_missing_is_noticed_when_it_is_there(server, shop):
    shop.write_text(SHOP.format(version=2) + "import missing\n")
    server.server.wait_for("No module named 'missing'")
    shop.with_name("missing.py").write_text("\n")
    until_version(server, 2)


def test_a_change_of_the_settings_is_followed_and_a_wrong_one_is_refused(workers, shop, tmp_path):
    settings = tmp_path / "maitred.toml"
    settings.write_text("threads = 2\n")
    server = workers("--reload", app="shop:app")
    settings.write_text("threads = 'many'\n")
    server.server.wait_for("reload refused: `threads`")
    settings.write_text("threads = 5\n")
    until(lambda: [it["threads"]["count"] for it in server.all()] == [5], "five threads")


def test_a_change_waits_for_the_end_of_a_debugger(workers, shop, tmp_path):
    shop.write_text(
        "import os, pdb, sys\n"
        "VERSION = 1\n"
        "def app(environ, start_response):\n"
        "    start_response('200 OK', [])\n"
        "    if environ['PATH_INFO'] == '/debug':\n"
        "        commands = open(os.environ['COMMANDS'])\n"
        "        pdb.Pdb(stdin=commands, stdout=sys.stderr, nosigint=True).set_trace()\n"
        "    return [b'{\"version\": %d}' % VERSION]\n"
    )
    commands = tmp_path / "commands"
    os.mkfifo(commands)
    server = workers("--reload", app="shop:app", env={"COMMANDS": str(commands)})
    with server.server.connect() as debugging:
        debugging.send(request("/debug"))
        with commands.open("w") as prompt:
            prompt.write("p 'the debugger', 'is here'\n")
            prompt.flush()
            server.server.wait_for("'the debugger', 'is here'")
            shop.write_text(shop.read_text().replace("VERSION = 1", "VERSION = 22"))
            server.server.wait_for("changed; it is loaded when the debugger is done")
            assert server.ask()["version"] == 1
            prompt.write("c\n")
        assert debugging.read().status == 200
    until_version(server, 22)
    server.until_ready(1)
