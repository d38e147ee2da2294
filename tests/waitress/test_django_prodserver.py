"""Tests of django-prodserver with our backend, and of `manage.py maitred`."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys

import pytest
import requests
from applications import HERE
from client import Connection, request
from ports import free_port
from server import Server

PRODUCTION = {
    "host": "127.0.0.1",
    "port": "PORT",
    "threads": "8",
    "connection-limit": "500",
    "channel-timeout": "120",
}
WINDOWS = {"host": "127.0.0.1", "port": "PORT", "threads": "6"}
"""The examples of the Waitress page, but for host and port: a test takes what is free."""


@pytest.fixture
def project(tmp_path):
    """Return a function that writes a project with these ARGS and returns its folder."""
    shutil.copytree(HERE / "django_project", tmp_path / "django_project")
    shutil.copy(HERE / "manage.py", tmp_path)

    def write(arguments: object, extra: str = ""):
        settings = tmp_path / "shop.py"
        settings.write_text(
            "from django_project.settings import *\n"
            f"{extra}\n"
            "PRODUCTION_PROCESSES = {'web': {\n"
            "    'BACKEND': 'maitred.django_prodserver.MaitredServer',\n"
            f"    'ARGS': {arguments!r},\n"
            "}}\n"
        )
        return tmp_path

    return write


def environment(folder) -> dict[str, str]:
    return {
        "DJANGO_SETTINGS_MODULE": "shop",
        "TEST_FILES": str(folder),
        "TEST_DATABASE": str(folder / "db.sqlite3"),
    }


@pytest.fixture
def manage():
    """Start `manage.py` with these arguments."""
    started = []

    def start(folder, *arguments: str) -> Server:
        server = Server([sys.executable, "manage.py", *arguments], folder, environment(folder))
        started.append(server)
        return server

    yield start
    for server in started:
        server.close()


def with_port(arguments: dict[str, object]) -> dict[str, object]:
    return {k: str(free_port()) if v == "PORT" else v for k, v in arguments.items()}


@pytest.mark.parametrize(
    ("arguments", "threads"),
    [
        pytest.param(PRODUCTION, 8, id="production"),
        pytest.param(WINDOWS, 6, id="windows"),
        pytest.param(
            {"host": "127.0.0.1", "port": 0, "threads": 2, "expose_tracebacks": True},
            2,
            id="real-types-and-underscores",
        ),
        pytest.param(
            {"listen": ["127.0.0.1:0", "127.0.0.1:0"], "backlog": "64"}, 4, id="list-of-addresses"
        ),
        pytest.param("--listen=127.0.0.1:0 --threads 3 --expose-tracebacks", 3, id="text"),
        pytest.param(["--listen=127.0.0.1:0", "--threads=5"], 5, id="list-of-arguments"),
    ],
)
@pytest.mark.parametrize("command", ["prodserver", "server"])
def test_the_project_is_served(project, manage, command, arguments, threads):
    if isinstance(arguments, dict):
        arguments = with_port(arguments)
    server = manage(project(arguments), command, "web")
    server.wait_for(f"with {threads} threads")
    assert requests.get(f"{server.url}/echo/x", timeout=60).json()["path"] == "x"
    assert server.stop() == 0


def test_the_unix_socket_example(project, manage, tmp_path):
    path = f"{tmp_path}/myapp.sock"
    server = manage(project({"unix-socket": path, "threads": "4"}), "prodserver", "web")
    server.wait_for("serving on unix:")
    with Connection(path) as connection:
        assert connection.ask(request("/echo/x")).status == 200
    assert server.stop() == 0


@pytest.mark.parametrize("yes", [True, "true", "True", "yes", "on", "1", 1])
def test_a_truth_value_in_every_spelling_is_true(project, manage, yes):
    arguments = {"host": "127.0.0.1", "port": "0", "expose-tracebacks": yes}
    server = manage(project(arguments), "prodserver", "web")
    server.wait_for("expose-tracebacks=true")


@pytest.mark.parametrize("no", [False, "false", "False", "no", "off", "0", 0])
def test_a_truth_value_in_every_spelling_is_false(project, manage, no):
    arguments = {"host": "127.0.0.1", "port": "0", "log-socket-errors": no}
    server = manage(project(arguments), "prodserver", "web")
    server.wait_for("log-socket-errors=false")


def prodserver(folder):
    """Run the project's process to its end."""
    return subprocess.run(
        [sys.executable, "manage.py", "prodserver", "web"],
        cwd=folder,
        env={**os.environ, **environment(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"threds": "8"}, "`--threads`"),
        ({"threads": "many"}, "many"),
        ({"host": "127.0.0.1", "unix-socket": "never-opened.sock"}, "unix"),
        ("--no-such-option", "--no-such-option"),
    ],
)
def test_a_mistake_ends_with_2_and_says_which(project, arguments, said):
    folder = project(arguments)
    done = prodserver(folder)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_in_use_ends_with_1(project):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        folder = project({"host": "127.0.0.1", "port": taken.getsockname()[1]})
        done = prodserver(folder)
    assert done.returncode == 1
    assert "address already in use" in done.stderr


def test_manage_py_serves_without_that_package(project, manage):
    folder = project({}, "INSTALLED_APPS = [*INSTALLED_APPS, 'maitred']")
    server = manage(folder, "maitred", "--listen=127.0.0.1:0", "--threads=3")
    server.wait_for("with 3 threads")
    assert requests.get(f"{server.url}/echo/x", timeout=60).json()["path"] == "x"
    assert server.stop() == 0


@pytest.mark.parametrize("command", [["maitred", "--listen=127.0.0.1:0"], ["prodserver", "web"]])
def test_the_application_comes_from_the_setting_of_django(project, manage, command):
    folder = project({"listen": "127.0.0.1:0"}, "INSTALLED_APPS = [*INSTALLED_APPS, 'maitred']")
    server = manage(folder, *command)
    server.wait_for(
        r'non-default settings: .*\bapp="[\w.:]+" \(Django\'s setting WSGI_APPLICATION\)'
    )
    assert server.stop() == 0


FORMS = [
    ({"expose-tracebacks": None}, "expose-tracebacks=true"),
    ({"expose_tracebacks": None}, "expose-tracebacks=true"),
    ({"no-collapse-leading-slashes": None}, "collapse-leading-slashes=false"),
    ({"collapse-leading-slashes": False}, "collapse-leading-slashes=false"),
    ({"no-expose-tracebacks": None}, ""),
    ({"no-log-socket-errors": None}, "log-socket-errors=false"),
    ({"no_log_socket_errors": None}, "log-socket-errors=false"),
    ({"expose": None}, "expose-tracebacks=true"),
    ({"channel-timeout": 90}, 'channel-timeout="90s"'),
    ({"connection_limit": "500"}, "connection-limit=500"),
    ({"trusted-proxy": ["10.0.0.1", "10.0.0.2"], "trusted-proxy-headers": "x-forwarded-for"}, ""),
    ({"trusted-proxy": ("10.0.0.1",), "trusted-proxy-headers": ["x-forwarded-for"]}, ""),
]
"""Forms of options, and what the log says about the settings that differ from their defaults."""


@pytest.mark.parametrize(("arguments", "said"), FORMS)
def test_every_form_of_an_option_means_what_it_means_on_the_command_line(
    project, manage, arguments, said
):
    server = manage(project({"listen": "127.0.0.1:0", **arguments}), "prodserver", "web")
    server.wait_for("serving on ")
    server.wait_for(f"non-default settings: .*{re.escape(said)}")
    assert server.stop() == 0


def test_the_options_are_those_that_the_package_itself_would_write():
    from django_prodserver.backends.base import BaseServerBackend
    from maitred.django_prodserver import MaitredServer

    for arguments, _ in [*FORMS, (PRODUCTION, ""), ({"port": 8000, "ident": "", "a": 1.5}, "")]:
        plain = {
            name: value for name, value in arguments.items() if not isinstance(value, list | tuple)
        }
        process = {"ARGS": plain}
        assert MaitredServer(**process).args == BaseServerBackend(**process).args


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ({"help": None}, 0, "Usage: "),
        ({"version": None}, 0, "maitred "),
        ({"threads": None}, 2, "--threads"),
        ({"no-threads": None}, 2, "--no-threads"),
        ({"no-expose-tracebacks": "true"}, 2, "no-expose-tracebacks"),
        ({"config": "no-such-file.toml"}, 2, "no-such-file.toml"),
    ],
)
def test_options_that_are_no_settings_are_those_of_the_command_line(
    project, arguments, status, said
):
    done = prodserver(project(arguments))
    assert done.returncode == status
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


INSTALLED = "INSTALLED_APPS = [*INSTALLED_APPS, 'maitred']"


@pytest.mark.parametrize(
    "options",
    [
        ["--settings=shop", "--pythonpath=."],
        ["--verbosity=1", "--traceback", "--no-color", "--skip-checks"],
        ["-v", "1", "--force-color"],
        ["-v0", "--log-level=info"],
    ],
)
def test_manage_py_takes_the_options_of_every_command(project, manage, options):
    folder = project({}, INSTALLED)
    server = manage(folder, "maitred", *options, "--listen=127.0.0.1:0", "--threads=3")
    server.wait_for("with 3 threads")
    assert server.stop() == 0


def test_manage_py_logs_as_much_as_the_verbosity_says(project, manage):
    folder = project({}, INSTALLED)
    server = manage(folder, "maitred", "--verbosity=2", "--listen=127.0.0.1:0", "--threads=3")
    server.wait_for('log-level="debug"')
    assert server.stop() == 0


def test_manage_py_refuses_options_of_django_that_contradict_each_other(project, manage):
    server = manage(project({}, INSTALLED), "maitred", "--no-color", "--force-color")
    assert server.wait() == 2
    assert "--force-color" in server.log


@pytest.mark.parametrize(
    "arguments", [["maitred", "--help"], ["maitred", "-h"], ["help", "maitred"]]
)
def test_manage_py_helps_with_all_options(project, manage, arguments):
    server = manage(project({}, INSTALLED), *arguments)
    assert server.wait() == 0
    for option in ("--threads", "--max-request-header-fields", "--settings", "--pythonpath", "-v"):
        assert option in server.output, option
    assert "Traceback" not in server.log


def test_manage_py_shows_where_an_error_was_raised_if_asked(project, manage):
    folder = project({}, f"{INSTALLED}\nWSGI_APPLICATION = None")
    server = manage(folder, "maitred", "--traceback")
    assert server.wait() == 1
    assert "Traceback" in server.log


def test_manage_py_tells_a_mistake_with_its_status(project, manage):
    folder = project({}, "INSTALLED_APPS = [*INSTALLED_APPS, 'maitred']")
    server = manage(folder, "maitred", "--threds=3")
    assert server.wait() == 2
    assert "`--threads`" in server.log


def test_manage_py_tells_that_the_project_names_no_application_in_one_line(project, manage):
    extra = "INSTALLED_APPS = [*INSTALLED_APPS, 'maitred']\nWSGI_APPLICATION = None"
    server = manage(project({}, extra), "maitred")
    assert server.wait() == 1
    assert "CommandError: WSGI_APPLICATION is not set" in server.log
    assert "Traceback" not in server.log
