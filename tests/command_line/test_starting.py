"""Tests of the command line before and at the start of the server."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import maitred
import pytest
import requests
from server import command

HELLO = """
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]
"""

THE_EIGHT = (
    "--host=127.0.0.1",
    "--port=0",
    "--threads=2",
    "--channel-timeout=60",
    "--connection-limit=50",
    "--backlog=128",
    "--expose-tracebacks",
)
"""All of the Waitress page but `--unix-socket`, which excludes the first two."""


@pytest.fixture
def folder(tmp_path):
    """Return a folder with `hello.py` in it."""
    (tmp_path / "hello.py").write_text(HELLO)
    return tmp_path


def run(*arguments: str, cwd=None, env=None) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MAITRED")}
    return subprocess.run(
        command(*arguments),
        cwd=cwd,
        env={**clean, **(env or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_first_line_says_where_with_how_many_threads_on_which_python(maitred, folder):
    server = maitred("--threads=3", "hello:app", cwd=folder)
    port = server.address[1]
    version = ".".join(map(str, sys.version_info[:3]))
    line = f" serving on http://127.0.0.1:{port} with 3 threads (CPython {version}"
    assert line in server.log.splitlines()[0]


def test_what_is_not_the_default_is_said_with_where_it_was_set(maitred, folder):
    server = maitred("hello:app", cwd=folder, env={"MAITRED_THREADS": "2"})
    match = server.wait_for(r"non-default settings: (.*)\n")
    assert "threads=2 (environment variable MAITRED_THREADS)" in match[1]


def test_the_eight_arguments_of_the_waitress_page_are_taken(maitred, folder):
    server = maitred(*THE_EIGHT, "hello:app", cwd=folder)
    assert requests.get(server.url, timeout=60).text == "hello"


@pytest.mark.parametrize("name", ["hello:app", "hello.app", "hello", "hello:make()"])
def test_the_application_is_found_in_the_current_folder(maitred, folder, name):
    with (folder / "hello.py").open("a") as file:
        file.write("\n\ndef make():\n    return app\n")
    server = maitred(name, cwd=folder)
    assert requests.get(server.url, timeout=60).text == "hello"


def test_a_factory_is_called_when_that_is_asked_for(maitred, folder):
    (folder / "factory.py").write_text("from hello import app\n\ndef make():\n    return app\n")
    server = maitred("--call", "factory:make", cwd=folder)
    assert requests.get(server.url, timeout=60).text == "hello"


def test_an_application_elsewhere_is_found_by_chdir_and_by_python_path(maitred, folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    for option in (f"--chdir={folder}", f"--python-path={folder}"):
        server = maitred(option, "hello:app", cwd=other)
        assert requests.get(server.url, timeout=60).text == "hello"


def test_a_port_in_use_is_named_and_ends_with_1(folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run(f"--listen=127.0.0.1:{port}", "hello:app", cwd=folder)
    assert done.returncode == 1
    error = f"error: cannot listen on 127.0.0.1:{port}: address already in use"
    assert done.stderr.startswith(error)


def test_an_import_that_fails_shows_the_users_traceback_without_our_frames(folder):
    (folder / "broken.py").write_text("def f():\n    return 1 / 0\n\n\nf()\n")
    done = run("--listen=127.0.0.1:0", "broken:app", cwd=folder)
    assert done.returncode == 1
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")
    frames = [line for line in done.stderr.splitlines() if line.startswith('  File "')]
    assert frames != []
    assert all("broken.py" in frame for frame in frames), done.stderr


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere:app", "there is no module `nowhere`"),
        ("hello:nothing", "`hello` has no attribute `nothing`"),
        ("hello:__name__", "cannot be called"),
    ],
)
def test_an_application_that_is_not_there_is_said_in_one_line(folder, name, said):
    done = run("--listen=127.0.0.1:0", name, cwd=folder)
    assert (done.returncode, said in done.stderr) == (1, True), done.stderr
    assert "Traceback" not in done.stderr


def test_threads_that_are_none_are_refused(folder):
    (folder / "patched.py").write_text(
        textwrap.dedent("""
        import sys, types
        from hello import app

        # What `gevent.monkey.patch_all()` leaves behind, as far as it can be asked.
        monkey = types.ModuleType("gevent.monkey")
        monkey.is_module_patched = lambda name: name == "threading"
        sys.modules["gevent.monkey"] = monkey
        """)
    )
    done = run("--listen=127.0.0.1:0", "patched:app", cwd=folder)
    assert done.returncode == 1
    assert done.stderr.startswith("error: gevent has replaced Python's threads")


def test_every_mistake_is_told_at_once_and_ends_with_2(folder):
    done = run("--threads=none", "--prot=80", "hello:app", cwd=folder, env={"MAITRED_BACKLOG": "x"})
    assert done.returncode == 2
    for part in ("`threads`", "--prot", "--port", "MAITRED_BACKLOG", "3 problems"):
        assert part in done.stderr, done.stderr
    assert "Traceback" not in done.stderr


def test_an_argument_that_is_no_text_is_a_mistake_like_any_other(folder):
    done = run(os.fsdecode(b"--thr\xff=4"), "hello:app", cwd=folder)
    assert (done.returncode, "unknown option" in done.stderr) == (2, True), done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_takes_no_temporary_files_is_named_and_ends_with_1(folder):
    done = run("--listen=127.0.0.1:0", "--temp-dir=nowhere", "hello:app", cwd=folder)
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"error: cannot create files in the `temp-dir` {folder}/nowhere: "
    )


def test_without_an_application_it_says_so(folder):
    done = run(cwd=folder)
    assert done.returncode == 2
    assert "there is no application to serve" in done.stderr


def test_help_and_version_go_to_stdout_and_end_with_0():
    version = run("--version")
    cargos = maitred.__version__.replace(".dev", "-dev.")
    assert (version.returncode, version.stdout) == (0, f"maitred {cargos}\n")
    usage = run("--help")
    assert usage.returncode == 0
    for flag in THE_EIGHT:
        assert flag.split("=")[0] in usage.stdout


def test_check_loads_and_opens_no_socket(folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("check", f"--listen=127.0.0.1:{port}", "hello:app", cwd=folder)
    assert (done.returncode, "`hello:app` can be served" in done.stdout) == (0, True)
    assert run("check", "nowhere:app", cwd=folder).returncode == 1
    assert run("check", "--threads=0", "hello:app", cwd=folder).returncode == 2


def test_config_show_tells_every_value_and_its_origin(folder):
    (folder / "maitred.toml").write_text('threads = 7\napp = "hello:app"\n')
    done = run("config", "show", "--origin", "--port=81", cwd=folder)
    assert done.returncode == 0, done.stderr
    shown = {line.split(" ")[0]: line for line in done.stdout.splitlines()}
    assert "maitred.toml:1" in shown["threads"]
    assert "--port" in shown["port"]


def test_a_settings_file_serves_without_any_argument(maitred, folder):
    (folder / "maitred.toml").write_text('app = "hello:app"\nthreads = 1\n')
    server = maitred(cwd=folder)
    server.wait_for("with 1 thread ")
    assert requests.get(server.url, timeout=60).text == "hello"


def test_what_nobody_reads_is_no_error(folder):
    with subprocess.Popen(command("man"), cwd=folder, stdout=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.wait(60) == 0


def test_a_unix_socket_has_its_mode_and_is_gone_afterwards(maitred, folder):
    path = folder / "s"
    server = maitred(f"--unix-socket={path}", "--unix-socket-perms=620", "hello:app", cwd=folder)
    assert stat.S_IMODE(path.stat().st_mode) == 0o620
    assert server.stop() == 0
    assert not path.exists()


def test_a_unix_socket_that_nobody_answers_on_is_taken_over(maitred, folder):
    path = folder / "s"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    server = maitred(f"--unix-socket={path}", "hello:app", cwd=folder)
    assert server.stop() == 0


def test_a_unix_socket_that_somebody_answers_on_is_left_alone(folder):
    path = folder / "s"
    with socket.socket(socket.AF_UNIX) as taken:
        taken.bind(str(path))
        taken.listen()
        done = run(f"--unix-socket={path}", "hello:app", cwd=folder)
        assert done.returncode == 1
        assert done.stderr.startswith(f"error: cannot listen on unix:{path}: ")
        assert path.exists()


def test_a_file_that_is_no_socket_is_not_removed(folder):
    path = folder / "precious"
    path.write_text("data")
    done = run(f"--unix-socket={path}", "hello:app", cwd=folder)
    assert done.returncode == 1
    assert path.read_text() == "data"


@pytest.mark.parametrize("workers", [1, 2])
def test_paths_of_bytes_that_are_no_text_are_kept(maitred, folder, workers):
    odd = Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9"))
    odd.mkdir()
    (odd / "odd.py").write_text("from hello import app\n")
    path = odd / os.fsdecode(b"\xff.sock")
    log = odd / os.fsdecode(b"\xfe.log")
    server = maitred(
        f"--unix-socket={path}",
        f"--access-log={log}",
        f"--python-path={odd}",
        f"--workers={workers}",
        "odd:app",
        cwd=folder,
        env={"MAITRED_TEMP_DIR": str(odd), "OF_ANOTHER_TIME": os.fsdecode(b"caf\xe9")},
    )
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(os.fsencode(path))
        client.sendall(b"GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(4096), b""))
    assert answer.endswith(b"hello"), answer
    server.wait_for(r"non-default settings: .*caf\\xe9/\\xff\.sock")
    assert server.stop() == 0
    left = {file.name for file in odd.iterdir()} - {"__pycache__"}
    assert left == {"odd.py", log.name}


def test_relative_paths_begin_in_a_folder_of_any_name(maitred, folder):
    odd = Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9"))
    odd.mkdir()
    server = maitred(
        "--unix-socket=app.sock", f"--python-path={folder}", "--chdir=/", "hello:app", cwd=odd
    )
    assert (odd / "app.sock").is_socket()
    assert server.stop() == 0
    assert not (odd / "app.sock").exists()


def test_the_start_says_where_only_ipv6_is_served(maitred, folder):
    server = maitred("--listen=[::]:0", "hello:app", cwd=folder)
    match = server.wait_for(r"serving on http://\[::\]:\d+ \((.*?)\) with 4 threads")
    assert match[1] == "IPv6 only; `*` is IPv4 as well"
    for also in ("--listen=*:0", "--listen=[::1]:0"):
        server = maitred(also, "hello:app", cwd=folder)
        assert "IPv6 only" not in server.wait_for("serving on .*")[0]


def test_several_addresses_are_served(maitred, folder):
    addresses = ("--listen=127.0.0.1:0", f"--listen=unix:{folder}/s", "--listen=[::1]:0")
    server = maitred(*addresses, "hello:app", cwd=folder)
    assert len(server.urls) == 3
    for url in server.urls:
        if url.startswith("http:"):
            assert requests.get(url, timeout=60).text == "hello"


def test_the_program_is_the_same_by_its_name_and_by_python_m(folder):
    script = f"{os.path.dirname(sys.executable)}/maitred"  # noqa: PTH120 (a link is meant)
    by_name = subprocess.run([script, "--help"], capture_output=True, check=True).stdout
    assert by_name == subprocess.run(command("--help"), capture_output=True, check=True).stdout


def test_the_demo_application_escapes_what_it_shows(maitred):
    server = maitred("maitred.demo:app")
    answer = requests.get(
        f"{server.url}/%3Cscript%3E?<b>",
        headers={"Accept": "text/html", "X-Evil": "<script>alert(1)</script>"},
        timeout=60,
    )
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "<script>" not in answer.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in answer.text
    plain = requests.post(server.url, data="x" * 10, timeout=60)
    assert plain.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "10 bytes" in plain.text


def test_exceptions_are_logged_with_their_traceback_and_shown_only_when_asked_for(maitred, folder):
    (folder / "fails.py").write_text(
        textwrap.dedent("""
        def app(environ, start_response):
            raise RuntimeError("a mistake in the application")
        """)
    )
    server = maitred("fails:app", cwd=folder)
    answer = requests.get(f"{server.url}/x?secret=1", timeout=60)
    assert (answer.status_code, "mistake" in answer.text) == (500, False)
    server.wait_for("RuntimeError: a mistake in the application")
    assert "Traceback (most recent call last):" in server.log
    assert "method=GET path=/x " in server.log
    assert "secret" not in server.log
    shown = maitred("--expose-tracebacks", "fails:app", cwd=folder)
    assert "a mistake in the application" in requests.get(shown.url, timeout=60).text


def test_wsgi_errors_is_a_line_of_the_log(maitred, folder):
    (folder / "errors.py").write_text(
        textwrap.dedent("""
        def app(environ, start_response):
            print("said by the application", file=environ["wsgi.errors"])
            start_response("200 OK", [])
            return []
        """)
    )
    server = maitred("errors:app", cwd=folder)
    assert requests.get(server.url, timeout=60).status_code == 200
    server.wait_for("\nsaid by the application\n")
