"""Tests of `maitred dev`: what somebody sees who writes an application."""

from __future__ import annotations

import os
import re
import signal
import sys
import time

import pytest
from client import request
from server import Server, command

APP = """
VERSION = 1

def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/error":
        raise ValueError("what a developer looks for")
    if path == "/debug":
        breakpoint()
    status = {"/elsewhere": "302 Found", "/missing": "404 Not Found"}.get(path, "200 OK")
    body = b"version %d" % VERSION
    start_response(status, [("Content-Length", str(len(body)))])
    return [body]
"""

LINE = r"^\d\d:\d\d:\d\d  {status} +[\d.]+ ms +{size}  GET {path}$"


@pytest.fixture
def dev(program, project):
    """Start `maitred dev` in a folder with an application, on a free port."""

    def start(*arguments: str, files=None, env=None) -> Server:
        folder = project({"app.py": APP, **(files or {})})
        server = program("dev", "--port=0", *arguments, cwd=folder, env=env)
        server.wait_for("press Ctrl-C to stop")
        return server

    return start


def ask(server: Server, path: str = "/", host: str = "localhost"):
    with server.connect() as connection:
        return connection.ask(request(path, host=host))


def until_answered(server: Server, body: bytes) -> None:
    """Wait until the new code answers; the old one may get what comes just before it retires."""
    deadline = time.monotonic() + 60
    while (last := ask(server).body) != body:
        assert time.monotonic() < deadline, f"{last!r}\n{server.log}"
        time.sleep(0.02)


def until_output(server: Server, pattern: str) -> re.Match[str]:
    """Wait until the standard output matches."""
    deadline = time.monotonic() + 60
    while not (match := re.search(pattern, server.output, re.MULTILINE)):
        assert time.monotonic() < deadline, f"no {pattern!r} in\n{server.output}"
        time.sleep(0.01)
    return match


def test_the_first_minute(dev):
    server = dev()
    said = [line[10:] for line in server.log.splitlines()]
    assert said[0] == (
        'found `app:app`: `app.py` has `app`; to keep it, write `app = "app:app"` in maitred.toml'
    )
    assert re.match(r"maitred \S+ serving on http://127\.0\.0\.1:\d+ with ", said[1])
    assert said[-1] == "the code is reloaded when it changes; press Ctrl-C to stop"
    assert ask(server).body == b"version 1"
    until_output(server, LINE.format(status=200, size="9 B", path="/"))
    ask(server, "/missing?page=2")
    until_output(server, LINE.format(status=404, size="9 B", path=r"/missing\?page=2"))
    server.signal(signal.SIGINT)
    assert server.wait() == 0


def test_an_edit_is_served(dev, tmp_path):
    server = dev()
    assert ask(server).body == b"version 1"
    (tmp_path / "app.py").write_text(APP.replace("VERSION = 1", "VERSION = 22"))
    server.wait_for(r"app\.py changed")
    until_answered(server, b"version 22")


def test_a_traceback_is_in_the_browser_and_in_the_log_and_begins_in_the_application(dev):
    server = dev()
    answer = ask(server, "/error")
    assert answer.status == 500
    for text in (
        answer.body.decode(),
        server.wait_for(r"ERROR .*\n(    .*\n)*?    ValueError: .*\n")[0],
    ):
        assert "ValueError: what a developer looks for" in text
        assert re.findall(r'File "(.*)"', text)[0].endswith("/app.py")


def test_the_host_of_another_site_is_refused_while_tracebacks_are_shown(dev):
    server = dev()
    for host in ("127.0.0.1", "localhost:1234", "shop.localhost", "[::1]"):
        assert ask(server, host=host).status == 200
    for host in ("evil.example", "127.0.0.1.evil.example", "192.168.1.2"):
        answer = ask(server, host=host)
        assert answer.status == 403
        assert f'The host "{host}" is not this machine' in answer.body.decode()
        assert "--no-expose-tracebacks" in answer.body.decode()


def test_any_host_is_answered_without_tracebacks(dev):
    server = dev("--no-expose-tracebacks")
    assert ask(server, host="shop.example").status == 200
    assert b"Traceback" not in ask(server, "/error", host="shop.example").body


def test_what_a_settings_file_says_about_a_deployment_is_not_used_and_one_line_says_so(dev):
    toml = (
        'listen = "0.0.0.0:80"\nadmin-listen = "0.0.0.0:9090"\nworkers = 4\npreload = true\n'
        'max-requests = 5\nlog-format = "json"\naccess-log = "/nowhere/access.log"\n'
        "request-timeout = 1\nthreads = 3\n"
    )
    server = dev(files={"maitred.toml": toml})
    server.wait_for(
        "`dev` does not use these settings of maitred.toml: `listen`, `admin-listen`, `workers`, "
        "`preload`, `max-requests`, `request-timeout`, `access-log`, `log-format`\n"
    )
    server.wait_for("serving on http://127.0.0.1:\\d+ with 3 threads")
    assert ask(server).status == 200


def test_environment_and_command_line_win(dev):
    server = dev("--workers=2", env={"MAITRED_LOG_FORMAT": "text", "MAITRED_THREADS": "2"})
    server.wait_for("the code is not reloaded, because there are several worker processes; press")
    server.wait_for(r"Z INFO maitred \S+ serving on \S+ with 2 worker processes with 2 threads")


@pytest.mark.parametrize(
    ("variables", "is_coloured"),
    [({}, False), ({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False)],
)
def test_colours_are_where_users_want_them(dev, variables, is_coloured):
    server = dev(env=variables)
    ask(server, "/error")
    until_output(server, "GET /error")
    server.wait_for("ValueError")
    assert ("\x1b[1;31m500\x1b[0m" in server.output) is is_coloured
    assert ("\x1b[1;31mERROR\x1b[0m" in server.log) is is_coloured
    assert ("\x1b" in server.output + server.log) is is_coloured


def test_times_are_local(dev):
    before = time.gmtime(time.time() + 5 * 3600)
    server = dev(env={"TZ": "LOC-5"})
    after = time.gmtime(time.time() + 5 * 3600)
    hours = {f"{it.tm_hour:02}:{it.tm_min:02}" for it in (before, after)}
    assert server.log[:5] in hours


def test_a_debugger_has_the_terminal(project):
    folder = project({"app.py": APP})
    ours, theirs = os.openpty()
    server = Server(command("dev", "--port=0"), cwd=folder, stdin=theirs)
    try:
        server.wait_for("press Ctrl-C to stop")
        with server.connect() as connection:
            connection.send(request("/debug", host="localhost"))
            until_output(server, r"\(Pdb\)")
            os.write(ours, b"p 'version', VERSION * 42\n")
            until_output(server, r"\('version', 42\)")
            (folder / "app.py").write_text(APP.replace("VERSION = 1", "VERSION = 2"))
            server.wait_for("it is loaded when the debugger is done")
            os.write(ours, b"c\n")
            assert connection.read().body == b"version 1"
        until_answered(server, b"version 2")
        assert server.stop() == 0
    finally:
        os.close(ours)
        os.close(theirs)
        server.close()


SETTINGS = """
DEBUG = True
SECRET_KEY = "test"
ROOT_URLCONF = "site_urls"
WSGI_APPLICATION = "site_wsgi.application"
INSTALLED_APPS = ["django.contrib.staticfiles", "maitred"]
STATIC_URL = "/static/"
STATICFILES_DIRS = ["assets"]
ALLOWED_HOSTS = []
"""

DJANGO = {
    "manage.py": (
        "import os, sys\n"
        "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_settings')\n"
        "from django.core.management import execute_from_command_line\n"
        "execute_from_command_line(sys.argv)\n"
    ),
    "site_settings.py": SETTINGS,
    "site_urls.py": (
        "from django.http import HttpResponse\n"
        "from django.urls import path\n"
        "urlpatterns = [path('', lambda request: HttpResponse('a page'))]\n"
    ),
    "site_wsgi.py": (
        "import os\n"
        "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_settings')\n"
        "from django.core.wsgi import get_wsgi_application\n"
        "application = get_wsgi_application()\n"
    ),
    "assets/style.css": "body { color: teal }\n",
}


@pytest.mark.parametrize("way", ["maitred dev", "manage.py maitred --dev"])
@pytest.mark.parametrize("debug", [True, False])
def test_djangos_static_files_are_served_under_debug(project, way, debug):
    settings = SETTINGS.replace("DEBUG = True", f"DEBUG = {debug}")
    settings = settings.replace("ALLOWED_HOSTS = []", "ALLOWED_HOSTS = ['localhost']")
    folder = project({**DJANGO, "site_settings.py": settings})
    start = {
        "maitred dev": command("dev", "--port=0"),
        "manage.py maitred --dev": [sys.executable, "manage.py", "maitred", "--dev", "--port=0"],
    }
    server = Server(start[way], cwd=folder)
    try:
        server.wait_for("press Ctrl-C to stop")
        assert ask(server).body == b"a page"
        style = ask(server, "/static/style.css")
        assert style.status == (200 if debug else 404)
        if debug:
            assert style.body == b"body { color: teal }\n"
            urls = folder / "site_urls.py"
            urls.write_text(urls.read_text().replace("a page", "another"))
            until_answered(server, b"another")
        assert server.stop() == 0
    finally:
        server.close()


@pytest.mark.parametrize(
    ("listen", "end"),
    [
        (["127.0.0.1:0"], r"\)$"),
        (["0.0.0.0:0"], r"\), reachable from other machines$"),
        (
            ["127.0.0.1:0", "0.0.0.0:0"],
            r"\), reachable from other machines: http://0\.0\.0\.0:\d+$",
        ),
    ],
)
def test_outside_of_dev_the_start_line_says_what_other_machines_can_reach(program, listen, end):
    server = program(*[f"--listen={it}" for it in listen], "maitred.demo:app")
    line = server.wait_for(r"(?m)^.* serving on .*$")[0]
    assert re.search(end, line)
