"""Tests of mistakes on the command line whose answer depends on files, ports and other processes.

Those that the arguments alone decide are in crates/config/tests/mistakes.rs.
"""

from __future__ import annotations

import os
import socket
import sys

import pytest

HELLO = """
def app(environ, start_response):
    start_response("200 OK", [])
    return [b"hello"]


class Framework:
    def __init__(self, name):
        self.name = name
"""

MISTAKES = {
    "a command": ("chekc", "there is no module `chekc`", "did you mean the command `check`?"),
    "a verb": ("run", "there is no module `run`", "to serve, no command is needed"),
    "the folder above": (
        "shop.hello:app",
        "there is no module `shop`",
        "`shop` is in another directory: add `--chdir=inside`",
    ),
    "a wrong attribute": ("hello:application", "`hello` has no attribute `application`", ""),
    "no attribute": ("hello:ap", "`hello` has no attribute `ap`; did you mean `app`?", ""),
    "a class": ("hello:Framework", "`hello:Framework` is a class", ""),
}


@pytest.mark.parametrize(("name", "error", "hint"), MISTAKES.values(), ids=MISTAKES)
def test_a_name_that_is_wrong_gets_the_answer_that_helps(run, project, name, error, hint):
    folder = project(
        {"hello.py": HELLO, "inside/shop/__init__.py": "", "inside/shop/hello.py": HELLO}
    )
    done = run("--listen=127.0.0.1:0", name, cwd=folder)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {error}"), done.stderr
    assert hint in done.stderr
    assert "Traceback" not in done.stderr


def test_a_package_that_is_the_current_directory_is_looked_for_above(run, project):
    folder = project({"shop/__init__.py": "", "shop/wsgi.py": HELLO})
    done = run("--listen=127.0.0.1:0", "shop.wsgi:app", cwd=folder / "shop")
    assert done.returncode == 1
    assert "`shop` is in another directory: add `--chdir=..`" in done.stderr
    again = run("check", "--chdir=..", "shop.wsgi:app", cwd=folder / "shop")
    assert again.returncode == 0, again.stderr


def test_a_port_in_use_is_said_with_the_process_that_has_it(run, project):
    folder = project({"hello.py": HELLO})
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = run(f"--listen={address}", "hello:app", cwd=folder)
    assert done.returncode == 1
    owner = f" by process {os.getpid()} (" if sys.platform == "linux" else "\n"
    assert done.stderr.startswith(
        f"error: cannot listen on {address}: address already in use{owner}"
    )


def test_manual_pages_are_printed_and_unknown_ones_are_named(run):
    for words in ([], ["check"], ["config", "import"]):
        page = run("man", *words)
        assert page.returncode == 0
        assert f".TH {'-'.join(['maitred', *words])} 1" in page.stdout
    unknown = run("man", "nothing")
    assert unknown.returncode == 2
    assert "there is no manual page for `nothing`: there are serve, check, config" in unknown.stderr


def test_every_command_explains_itself_within_100_columns(run):
    for words in ([], ["serve"], ["check"], ["config"], ["config", "show"], ["config", "import"]):
        for flag in ("-h", "--help"):
            usage = run(*words, flag)
            assert usage.returncode == 0
            assert max(map(len, usage.stdout.splitlines())) <= 100, usage.stdout
