"""Tests of `maitred config import`: what other servers' settings become, and what is named."""

from __future__ import annotations

import ast
import os
from pathlib import Path

GUNICORN = '''
"""The settings of a shop."""
import multiprocessing
import os

port = 8000
bind = ["127.0.0.1:" + "8000", "unix:/run/shop.sock"]
workers = multiprocessing.cpu_count() * 2 + 1
threads = 2 * 4
worker_class = "gthread"
timeout = 90
graceful_timeout = 20
keepalive = 5
max_requests = 1000
max_requests_jitter = 50
preload_app = True
accesslog = "-"
access_log_format = '%(h)s "%(r)s" %(s)s'
loglevel = "warning"
pythonpath = "lib,vendor"
forwarded_allow_ips = "10.0.0.1,10.0.0.2"
limit_request_line = 4094
chdir = os.environ["HOME"]
raw_env = ["A=b"]
open("trap", "w")


def post_fork(server, worker):
    open("trap", "w")
'''


def imported(done):
    """Return the settings of the printed file; each is a line, whose value is Python's, too."""
    assert done.returncode == 0, done.stderr
    lines = (line.split(" = ", 1) for line in done.stdout.splitlines() if " = " in line[:40])
    truth = {"true": "True", "false": "False"}
    return {
        name: ast.literal_eval(truth.get(value, value))
        for name, value in lines
        if not name.startswith("#")
    }


def test_gunicorn_conf_py_is_converted_and_never_executed(run, project):
    folder = project({"gunicorn.conf.py": GUNICORN})
    done = run("config", "import", "gunicorn.conf.py", cwd=folder)
    assert imported(done) == {
        "listen": ["127.0.0.1:8000", "unix:/run/shop.sock"],
        "workers": "auto",
        "threads": 8,
        "worker-timeout": "90s",
        "graceful-timeout": "20s",
        "keep-alive-timeout": "5s",
        "max-requests": 1000,
        "max-requests-jitter": 50,
        "preload": True,
        "access-log": "-",
        "access-log-format": '%(h)s "%(r)s" %(s)s',
        "log-level": "warning",
        "python-path": ["lib", "vendor"],
        "trusted-proxy": ["10.0.0.1", "10.0.0.2"],
    }
    assert not (folder / "trap").exists()
    for sentence in (
        "`port` is not a setting of Maitred",
        "nothing, but `workers` was `multiprocessing.cpu_count() * 2 + 1`: `auto` is one for each",
        "`worker_class`: not needed: each worker process serves with threads",
        "nothing, but `timeout` became `worker-timeout`: `request-timeout` limits a request",
        "`limit_request_line`: use `max-request-header-size`, for the whole head",
        "`chdir` is computed (`os.environ['HOME']`): set it yourself",
        "`raw_env`: set the variables where the server is started",
        "line 25 is a statement, which was not executed",
        "`post_fork` is a function: see the setting `hooks`",
    ):
        assert f"warning: {sentence}" in done.stderr, done.stderr


def test_the_result_is_a_settings_file_that_is_right(run, project):
    folder = project({"gunicorn.conf.py": GUNICORN})
    toml = run("config", "import", "gunicorn.conf.py", cwd=folder).stdout
    project({"maitred.toml": toml})
    assert run("config", "show", cwd=folder).returncode == 0


def test_gunicorns_defaults_are_written_out_unless_they_are_computed(run, project):
    folder = project(
        {
            "plain.py": "workers = 2\n",
            "computed.py": "import os\nbind = os.environ['B']\nthreads = os.environ['T']\n",
        }
    )
    plain = imported(run("config", "import", "plain.py", cwd=folder))
    assert (plain["listen"], plain["threads"]) == (["127.0.0.1:8000"], 1)
    computed = run("config", "import", "computed.py", cwd=folder)
    assert "listen" not in imported(computed)
    sentence = "nothing, but `listen` is gunicorn's default: leave it out where $PORT says the port"
    assert sentence not in computed.stderr
    assert "threads" not in imported(computed)
    assert "warning: `bind` is computed (`os.environ['B']`): set it yourself" in computed.stderr


def test_a_command_line_of_gunicorn_is_converted(run):
    line = (
        "gunicorn -w 4 -b 0.0.0.0:8000 --bind=unix:/run/s --threads 2 -k gthread --preload "
        "--max-requests=500 -t30 --access-logfile - -c gunicorn.conf.py -D shop.wsgi:application"
    )
    done = run("config", "import", "--", *line.split())
    assert imported(done) == {
        "app": "shop.wsgi:application",
        "listen": ["0.0.0.0:8000", "unix:/run/s"],
        "workers": 4,
        "threads": 2,
        "preload": True,
        "max-requests": 500,
        "worker-timeout": "30s",
        "access-log": "-",
    }
    for sentence in (
        "`worker-class`: not needed",
        "`daemon`: the server stays in the foreground",
        "`gunicorn.conf.py` was not read: `maitred config import` converts it, too",
    ):
        assert sentence in done.stderr, done.stderr


def test_a_command_line_of_waitress_serve_is_converted(run):
    line = "python3 -m waitress --listen=*:8000 --threads=6 --url-scheme=https --call shop:make"
    assert imported(run("config", "import", "--", *line.split())) == {
        "app": "shop:make",
        "call": True,
        "listen": ["*:8000"],
        "threads": 6,
        "url-scheme": "https",
    }


def test_a_command_line_of_another_program_is_refused(run):
    done = run("config", "import", "--", "hypercorn", "shop:app")
    assert done.returncode == 2
    assert "cannot import from `hypercorn`" in done.stderr


UWSGI = """
[uwsgi]
; the shop
http-socket = :8000
socket = /run/shop.uwsgi
wsgi-file = shop/wsgi.py
callable = app
processes = 4
threads = 2
master = true
vacuum
harakiri = 30
reload-on-rss = 200
listen = 128
pythonpath = %(here)
env = A=b
mystery = 1
"""


def test_uwsgi_ini_is_converted(run, project):
    done = run("config", "import", "uwsgi.ini", cwd=project({"uwsgi.ini": UWSGI}))
    assert imported(done) == {
        "app": "shop.wsgi:app",
        "listen": [":8000"],
        "workers": 4,
        "threads": 2,
        "request-timeout": "30s",
        "max-rss": "200MiB",
        "backlog": 128,
    }
    for sentence in (
        "`socket`: it speaks the uwsgi protocol",
        "`master`: not needed",
        "`vacuum`: not needed",
        "`pythonpath` has a placeholder: `%(here)`",
        "`env`: set the variables where the server is started",
        "`mystery` is not a setting of Maitred",
    ):
        assert f"warning: {sentence}" in done.stderr, done.stderr


def test_a_file_in_a_folder_whose_name_is_not_utf8_is_converted(run, tmp_path):
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    folder.mkdir()
    for name, text in (("uwsgi.ini", "[uwsgi]\nthreads = 3\n"), ("gunicorn.py", "threads = 3\n")):
        (folder / name).write_text(text, encoding="utf-8")
        done = run("config", "import", str(folder / name))
        assert imported(done)["threads"] == 3
        assert f"{tmp_path}/caf\\xe9/{name}" in done.stdout


def test_a_file_that_cannot_be_read_is_named_and_ends_with_2(run, project):
    folder = project({"broken.py": "bind = (\n", "null.py": "bind = 1\0\n"})
    for name in ("broken.py", "null.py", "nowhere.py", "nowhere.ini"):
        done = run("config", "import", name, cwd=folder)
        assert done.returncode == 2
        assert done.stderr.startswith(f"error: cannot read `{name}`"), done.stderr
        assert "Traceback" not in done.stderr
