"""Tests of `waitress.adjustments`, its attributes and its command line, against Waitress itself."""

from __future__ import annotations

import textwrap

import pytest
from both_servers import INSTALL, PRELUDE, run, run_with_both

TELL = """
from waitress.adjustments import Adjustments, asbool
import warnings
warnings.simplefilter("ignore")  # of Waitress about trusted_proxy and send_bytes

def plain(value):
    return sorted(value) if isinstance(value, (set, frozenset)) else value

def tell(**kw):
    try:
        adj = Adjustments(**kw)
    except ValueError:
        return "ValueError"
    return {name: plain(getattr(adj, name)) for name, _ in Adjustments._params}
"""

FORMS = {
    "names-of-all-parameters": "print([name for name, _ in Adjustments._params])",
    "casts-of-all-parameters": """
        for name, cast in Adjustments._params:
            for text in ("1", "yes", "no", "", "600", "a b", "/x/", "1_000"):
                try:
                    print(name, text, plain(cast(text)))
                except ValueError:
                    print(name, text, "ValueError")
    """,
    "the-map-of-parameters": "print(sorted(Adjustments._param_map), len(Adjustments._param_map))",
    "booleans-among-the-parameters": """
        print([name for name, cast in Adjustments._params if cast is asbool])
    """,
    "class-attributes": """
        for name, _ in Adjustments._params:
            print(name, plain(getattr(Adjustments, name)))
    """,
    "defaults": "print(tell())",
    "addresses": """
        print(Adjustments(listen="127.0.0.1:80 127.0.0.1:81").listen)
        print(Adjustments(listen="127.0.0.1").listen, Adjustments(port=81).listen)
        print(Adjustments(host="127.0.0.1", port="0").listen)
        print(Adjustments(listen="[::1]:80", ipv6=True).listen)
        print(Adjustments(listen="127.0.0.1:http").listen)
        print(Adjustments(listen="127.0.0.1:80 127.0.0.1:80").listen)
        print(Adjustments(listen="127.0.0.1:0 127.0.0.1:0").listen)
    """,
    "one-family": "print(Adjustments(listen='*:80', ipv6=False).listen)",
    "a-host-that-does-not-resolve": "print(tell(host='no.such.host.invalid', port=80))",
    "sizes-with-underscores": """
        adj = Adjustments(max_request_body_size="1_073_741_824", inbuf_overflow=" 64_000 ",
                          channel_timeout="1_20", port="8_080", threads="+1_0")
        print(adj.max_request_body_size, adj.inbuf_overflow, adj.channel_timeout, adj.port,
              adj.threads)
    """,
    "trusted-proxies": """
        adj = Adjustments(trusted_proxy="10.0.0.1", trusted_proxy_headers="X-Forwarded-For")
        print(adj.trusted_proxy, adj.trusted_proxy_count, plain(adj.trusted_proxy_headers))
        adj = Adjustments(trusted_proxy="*")
        print(adj.trusted_proxy, plain(adj.trusted_proxy_headers))
    """,
    "a-unix-socket": """
        adj = Adjustments(unix_socket="/run/x", unix_socket_perms="660")
        print(adj.unix_socket, adj.unix_socket_perms)
    """,
    "sockets": """
        with socket.socket() as one, socket.socket(socket.AF_UNIX) as two:
            print(len(Adjustments(sockets=[one]).sockets))
            print(tell(sockets=[one, two]))
        with socket.socket(type=socket.SOCK_DGRAM) as datagrams:
            print(tell(sockets=[datagrams]))
    """,
    "empty-names": "print(Adjustments(ident='').ident, Adjustments(ident=None).ident)",
    "options-of-sockets": "print([tuple(each) for each in Adjustments().socket_options])",
    "what-is-wrong": """
        print(tell(nonsense=1), tell(port="x"), tell(host="127.0.0.1", listen="127.0.0.1:1"))
        print(tell(unix_socket="/x", port=1), tell(trusted_proxy_count=2))
    """,
    "changed-before-it-is-used": """
        adj = Adjustments(host="127.0.0.1", port=0)
        adj.ident = "changed"
        server = waitress.server.TcpWSGIServer(app, adj=adj)
        thread = start(server.run)
        url = f"http://127.0.0.1:{server.effective_port}"
        with urllib.request.urlopen(url, timeout=60) as answer:
            print(answer.headers["Server"])
        wasyncore.close_all(server._map)
        print(ended(thread))
    """,
    "command-lines": """
        for line in ("--port=80 a:b", "--listen=a:1 --listen=b:2 a:b", "--call a:b", "--help",
                     "--no-ipv6 --expose-tracebacks", "--thr=3 a:b", "--threads 3 a b"):
            print(Adjustments.parse_args(line.split()))
    """,
    "wrong-command-lines": """
        import getopt
        for line in ("--nonsense", "-x", "--ipv4=true", "--threads"):
            try:
                Adjustments.parse_args(line.split())
            except getopt.GetoptError as error:
                print(error)
    """,
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_form_of_adjustments_gives_what_waitress_gives(form):
    theirs, ours = run_with_both(TELL + textwrap.dedent(form))
    assert ours == theirs


CALLS = {
    "the-application-as-a-keyword-of-serve": "serve(app=fail, **LOCAL)",
    "the-application-as-a-keyword-of-create-server": "create_server(application=fail, **LOCAL)",
    "no-application": "serve(app=None, **LOCAL)",
    "an-unknown-keyword": "serve(app, nonsense=1)",
    "quietly": "serve(app=fail, _quiet=True, **LOCAL)",
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_call_takes_the_keywords_of_waitress(call):
    form = f"""
fail = None
try:
    {call}
except ValueError:
    print("ValueError")
"""
    theirs, ours = run_with_both(form)
    assert ours == theirs == "ValueError\n"


MAITRED = """
import errno, maitred, socket

def app(environ, start_response):
    start_response("200 OK", [])
    return []
"""


def test_the_package_itself_takes_the_keywords_of_waitress():
    form = """
maitred.create_server(application=app, host="127.0.0.1", port=0).close()
try:
    maitred.serve(app=None)
except ValueError as error:
    print(error)
"""
    assert run(MAITRED + form) == "the application is None: does its factory return it?\n"


@pytest.mark.parametrize(
    ("settings", "kind", "number"),
    [
        ("host='no.such.host.invalid', port=80", "gaierror", "socket.EAI_NONAME"),
        ("listen='127.0.0.1:no-such-service'", "gaierror", "socket.EAI_NONAME"),
        ("host='192.0.2.1', port=80", "OSError", "errno.EADDRNOTAVAIL"),
        ("unix_socket='/no/such/folder/s'", "FileNotFoundError", "errno.ENOENT"),
        ("sockets=[socket.socket(type=socket.SOCK_DGRAM)]", "OSError", "errno.EINVAL"),
    ],
)
def test_an_address_that_cannot_be_bound_has_its_errno(settings, kind, number):
    form = f"""
try:
    maitred.create_server(app, {settings})
except OSError as error:
    print(type(error).__name__, error.errno == {number}, str(error))
"""
    told = run(MAITRED + form)
    assert told.startswith(f"{kind} True ")
    assert "cannot listen on" in told


def test_one_line_names_every_setting_that_has_no_effect():
    form = """
class Printing(__import__("logging").Handler):
    def emit(self, record):
        print(record.levelname, record.getMessage())
log = __import__("logging").getLogger("maitred")
log.setLevel("INFO")
log.addHandler(Printing())
with maitred.create_server(app, host="127.0.0.1", port=0, _quiet=True, recv_bytes=1, send_bytes=1,
                           asyncore_use_poll=True, cleanup_interval=9):
    pass
"""
    lines = [line for line in run(MAITRED + form).splitlines() if "Waitress" in line]
    assert lines == [
        "INFO accepted for compatibility with Waitress, without effect: `recv-bytes`, "
        "`send-bytes`, `asyncore-use-poll`, `cleanup-interval`"
    ]


COMMAND_LINE = """
def stop(url):
    with urllib.request.urlopen(url, timeout=60) as answer:
        answer.read()
    os.kill(os.getpid(), signal.SIGINT)

class Seen(logging.Handler):
    def emit(self, record):
        if record.getMessage().startswith("Serving on"):
            print(record.name, record.levelname, record.getMessage()[:20])
            start(lambda: stop(record.getMessage().split()[-1]))

logging.getLogger("waitress").addHandler(Seen())
from waitress.runner import run
print(run(("program", "--listen=127.0.0.1:0", "wsgiref.simple_server:demo_app")))
"""


def test_the_command_line_logs_as_the_program_has_configured():
    theirs, ours = run_with_both(COMMAND_LINE)
    assert ours == theirs == "waitress INFO Serving on http://12\n0\n"


@pytest.mark.parametrize(
    ("argv", "status"),
    [
        (["p"], 2),
        (["p", "--nonsense", "a:b"], 2),
        (["p", "--threads=x", "a:b"], 2),
        (["p", "a:b", "c:d"], 2),
        (["p", "--listen=127.0.0.1:0", "no.such.module:app"], 1),
        (["p", "--help"], 0),
    ],
)
def test_a_mistake_on_the_command_line_has_its_status(argv, status):
    form = f"""
import sys
from waitress.runner import run
status = run({argv!r})
sys.stdout.write(f"\\nstatus {{status}}\\n")
"""
    assert run(INSTALL + form).endswith(f"\nstatus {status}\n")


def test_python_m_waitress_is_the_command_line(tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text(INSTALL)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    told = run(
        PRELUDE + "import subprocess\n"
        "done = subprocess.run([sys.executable, '-m', 'waitress', '--help'], capture_output=True)\n"
        "print(done.returncode, b'--admin-listen' in done.stdout, done.stderr)\n"
    )
    assert told == "0 True b''\n"
