"""Tests of `maitred check`: it refuses what serving refuses, and listens nowhere."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest
from ports import free_port

HELLO = """
def app(environ, start_response):
    start_response("200 OK", [])
    return [b"hello"]
"""


@pytest.fixture
def folder(project):
    return project({"hello.py": HELLO})


REFUSED = {
    "temp-dir": ("--temp-dir=nowhere", "cannot create files in the `temp-dir` {folder}/nowhere: "),
    "access log": ("--access-log=nowhere/log", "cannot open the access log {folder}/nowhere/log: "),
    "host": ("--listen=host.invalid:80", "cannot listen on host.invalid:80: the name cannot be "),
    "socket folder": ("--unix-socket=nowhere/s", "cannot listen on unix:{folder}/nowhere/s: "),
    "file in the way": (
        "--unix-socket=hello.py",
        "cannot listen on unix:{folder}/hello.py: a file that is",
    ),
    "admin": ("--admin-listen=unix:nowhere/s", "cannot listen on unix:{folder}/nowhere/s: "),
    "directory": ("--chdir=nowhere", "cannot change to the directory `{folder}/nowhere`: "),
}


@pytest.mark.parametrize(("option", "error"), REFUSED.values(), ids=REFUSED)
def test_what_keeps_it_from_serving_keeps_check_from_succeeding(run, folder, option, error):
    arguments = [option, "hello:app"]
    if not option.startswith(("--listen", "--unix-socket")):
        arguments.append("--listen=127.0.0.1:0")
    served, checked = run(*arguments, cwd=folder), run("check", *arguments, cwd=folder)
    assert (served.returncode, checked.returncode) == (1, 1), checked.stderr
    for done in (served, checked):
        assert f"error: {error.format(folder=folder)}" in done.stderr


def test_all_errors_are_reported_together(run, folder):
    done = run("check", "--temp-dir=nowhere", "--access-log=nowhere/log", "no:app", cwd=folder)
    assert done.returncode == 1
    for part in ("`temp-dir`", "access log", "there is no module `no`"):
        assert part in done.stderr


def test_an_import_that_fails_ends_with_1_and_wrong_settings_with_2(run, folder):
    (folder / "broken.py").write_text("1 / 0\n")
    assert run("check", "broken:app", cwd=folder).returncode == 1
    assert run("check", "--threads=0", "hello:app", cwd=folder).returncode == 2


def test_an_address_in_use_is_a_note_with_who_has_it(run, folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = run("check", f"--listen={address}", "hello:app", cwd=folder)
    assert done.returncode == 0, done.stderr
    note = f"note: {address}: address already in use"
    assert done.stderr.startswith(note)
    if sys.platform == "linux":
        assert done.stderr.startswith(f"{note} by process {os.getpid()} (")


def test_the_check_leaves_nothing_behind(run, folder):
    before = sorted(folder.iterdir())
    done = run(
        "check", "--unix-socket=s", "--access-log=log", "--temp-dir=.", "hello:app", cwd=folder
    )
    assert done.returncode == 0, done.stderr
    kept = sorted(path for path in folder.iterdir() if path.name != "__pycache__")
    assert kept == before


def test_the_check_never_accepts_a_client(run, project):
    # The application connects to the address while it is imported.
    folder = project(
        {
            "connects.py": "import socket\n\n"
            "refused = False\n"
            "try:\n"
            "    socket.create_connection(('127.0.0.1', PORT), 60)\n"
            "except ConnectionRefusedError:\n"
            "    refused = True\n"
            "assert refused\n" + HELLO
        }
    )
    port = free_port()
    source = folder / "connects.py"
    source.write_text(source.read_text().replace("PORT", str(port)))
    done = run("check", f"--listen=127.0.0.1:{port}", "connects:app", cwd=folder)
    assert done.returncode == 0, done.stderr


def test_a_descriptor_is_a_note_if_no_sockets_were_passed(run, folder):
    done = run("check", "--listen=fd://9", "hello:app", cwd=folder)
    assert done.returncode == 0
    assert done.stderr == "note: fd://9 was not checked: no sockets were passed to this process\n"
    # Somebody else's sockets say nothing about this process.
    others = {"LISTEN_PID": "1", "LISTEN_FDS": "1"}
    assert run("check", "--listen=fd://9", "hello:app", cwd=folder, env=others).returncode == 0


def test_a_descriptor_is_an_error_if_others_were_passed(folder):
    # As a service manager does: the variable names the process that is executed.
    start = (
        "import os, socket, sys; "
        "passed = socket.create_server(('127.0.0.1', 0)); "
        "os.dup2(passed.fileno(), 3); os.set_inheritable(3, True); "
        "os.environ['LISTEN_PID'] = str(os.getpid()); os.environ['LISTEN_FDS'] = '1'; "
        "words = [sys.executable, '-m', 'maitred', 'check', sys.argv[1], 'hello:app']; "
        "os.execv(sys.executable, words)"
    )
    ends = {}
    for number in (3, 9):
        command = [sys.executable, "-c", start, f"--listen=fd://{number}"]
        ends[number] = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=60, check=False
        )
    assert ends[3].returncode == 0, ends[3].stderr
    assert ends[9].returncode == 1
    assert "error: cannot listen on fd://9: only fd://3 was passed" in ends[9].stderr


DJANGO = """
import os

from django.conf import settings

settings.configure(
    DEBUG={debug},
    ALLOWED_HOSTS={hosts},
    SECRET_KEY="x",
    STATIC_URL="/static/",
    INSTALLED_APPS=["django.contrib.staticfiles"],
    MIDDLEWARE=[],
    DATABASES={{"default": {{"ENGINE": "{engine}", "OPTIONS": {options}}}}},
)

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
"""


@pytest.mark.parametrize(
    ("project_settings", "advice"),
    [
        ({"debug": True}, "`DEBUG` is on"),
        ({"hosts": "['*']"}, "`ALLOWED_HOSTS` has `*`"),
        ({"hosts": "[]"}, "`ALLOWED_HOSTS` is empty"),
        ({}, "`STATIC_ROOT` is not set"),
        ({}, "nothing in the application serves `/static/`"),
        ({}, "the database `default` is SQLite, in which 8 threads write one after the other"),
        (
            {"options": "{'pool': {'max_size': 4}}", "engine": "django.db.backends.dummy"},
            "the database `default` has a pool of 4 connections for 8 threads",
        ),
    ],
)
def test_advice_for_production_is_about_what_django_says_of_itself(
    run, project, project_settings, advice
):
    defaults = {
        "debug": False,
        "hosts": "['shop.example']",
        "engine": "django.db.backends.sqlite3",
        "options": "{}",
    }
    folder = project({"shop.py": DJANGO.format(**{**defaults, **project_settings})})
    done = run("check", "--deploy", "--threads=8", "shop:application", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert f"advice: {advice}" in done.stderr, done.stderr
    without = run("check", "--threads=8", "shop:application", cwd=folder)
    assert "advice" not in without.stderr


def test_advice_for_production_is_about_flask_and_the_settings_too(run, project):
    folder = project(
        {
            "shop.py": "from flask import Flask\n\napp = Flask(__name__)\napp.debug = True\n"
            "app.config['SQLALCHEMY_DATABASE_URI'] = 'postgresql://'\n"
        }
    )
    done = run("check", "--deploy", "--expose-tracebacks", "--threads=16", "shop:app", cwd=folder)
    assert done.returncode == 0, done.stderr
    for advice in (
        "`expose-tracebacks` shows the application's code to every client",
        "the application's `debug` is on",
        "SQLAlchemy has 15 connections for 16 threads: requests wait for one",
    ):
        assert f"advice: {advice}\n" in done.stderr


def test_it_says_which_settings_a_reload_does_not_change(run, project):
    toml = 'app = "maitred.demo:app"\nlisten = "127.0.0.1:0"\nthreads = 3\nbacklog = 64\n'
    done = run("check", cwd=project({"maitred.toml": toml}))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1:] == [
        "a reload changes all settings but these: `listen`, `backlog`"
    ]
