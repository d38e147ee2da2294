"""Tests of what programs ask of the loggers of Waitress, against Waitress itself.

Each form configures logging, serves one request whose application fails, and prints which of the
two records that both servers have reach its handlers, and under which name and level.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest
from both_servers import INSTALL, PRELUDE, run, run_with_both

FAIL = """
import logging.config, io

seen = []

class Seen(logging.Handler):
    "Notes the two records that both servers have."
    def __init__(self, name="seen", level=logging.NOTSET):
        super().__init__(level)
        self.label = name
    def emit(self, record):
        if record.getMessage().startswith("Serving on"):
            seen.append((self.label, record.name, record.levelname, "serving"))
        elif record.exc_info and record.exc_info[0] is RuntimeError:
            seen.append((self.label, record.name, record.levelname, "failure"))

def failing(environ, start_response):
    raise RuntimeError("a mistake")

def serve_and_fail():
    server = create_server(failing, **LOCAL)
    server.print_listen("Serving on http://{}:{}")
    thread = start(server.run)
    try:
        get(server)
    except OSError as error:
        print("answered", error.code)
    server.close()
    print(ended(thread), *seen, sep="\\n")

log = logging.getLogger("waitress")
"""

FORMS = {
    "nothing-is-configured": "serve_and_fail()",
    "a-handler": "log.addHandler(Seen()); serve_and_fail()",
    "a-level": "logging.root.addHandler(Seen()); log.setLevel('INFO'); serve_and_fail()",
    "no-level": "logging.root.addHandler(Seen()); serve_and_fail()",
    "a-level-above-all": "logging.root.addHandler(Seen()); log.setLevel(60); serve_and_fail()",
    "a-level-of-a-handler": "log.addHandler(Seen(level=30)); log.setLevel(10); serve_and_fail()",
    "no-propagation": """
        logging.root.addHandler(Seen("root"))
        log.addHandler(Seen("own"))
        log.propagate = False
        serve_and_fail()
    """,
    "propagation": """
        logging.root.addHandler(Seen("root"))
        log.addHandler(Seen("own"))
        log.setLevel("DEBUG")
        serve_and_fail()
    """,
    "disabled": "log.addHandler(Seen()); log.disabled = True; serve_and_fail()",
    "a-filter": """
        logging.root.addHandler(Seen())
        log.setLevel("INFO")
        log.addFilter(lambda record: "Serving" in record.getMessage())
        serve_and_fail()
    """,
    "handlers-of-another-logger": """
        other_log = logging.getLogger("program")
        other_log.addHandler(Seen())
        log.handlers.clear()
        log.handlers.extend(other_log.handlers)
        log.setLevel("WARNING")
        serve_and_fail()
    """,
    "a-dictionary-that-disables-the-others": """
        logging.config.dictConfig({
            "version": 1,
            "handlers": {"seen": {"()": "__main__.Seen"}},
            "loggers": {"waitress": {"handlers": ["seen"], "level": "INFO", "propagate": False}},
        })
        serve_and_fail()
    """,
    "a-dictionary-that-names-another-logger": """
        logging.config.dictConfig({
            "version": 1,
            "handlers": {"seen": {"()": "__main__.Seen"}},
            "loggers": {"program": {"level": "INFO"}},
            "root": {"handlers": ["seen"], "level": "INFO"},
        })
        serve_and_fail()
    """,
    "a-dictionary-that-keeps-the-others": """
        logging.config.dictConfig({
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {"seen": {"()": "__main__.Seen"}},
            "root": {"handlers": ["seen"], "level": "INFO"},
        })
        serve_and_fail()
    """,
    "an-ini-file": """
        lines = [
            "[loggers]", "keys = root, waitress", "[handlers]", "keys = seen", "[formatters]",
            "keys =", "[logger_root]", "handlers =", "[logger_waitress]", "level = INFO",
            "handlers = seen", "qualname = waitress", "[handler_seen]", "class = __main__.Seen",
            "args = ()",
        ]
        logging.config.fileConfig(io.StringIO("\\n".join(lines)))
        serve_and_fail()
    """,
    "basic-configuration": """
        logging.basicConfig(handlers=[Seen()], level="INFO")
        logging.getLogger("waitress").setLevel(logging.ERROR)
        serve_and_fail()
    """,
    "the-loggers-of-the-module": """
        print(waitress.utilities.logger is log, waitress.server.BaseWSGIServer.logger is log)
        print(waitress.utilities.queue_logger is logging.getLogger("waitress.queue"))
    """,
    "a-library-that-silences": """
        log.addHandler(Seen())
        server = create_server(app, **LOCAL)
        server.logger.setLevel(logging.FATAL)
        server.print_listen("Serving on http://{}:{}")
        server.close()
        print(seen)
    """,
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_logger_does_with_maitred_what_it_does_with_waitress(form):
    theirs, ours = run_with_both(FAIL + textwrap.dedent(form))
    assert ours == theirs


WAIT = """
class Printing(logging.Handler):
    def emit(self, record):
        if record.name != "waitress.queue":
            return  # an error, if Waitress is closed before a thread is through with its response
        print(record.name, record.levelname, record.getMessage()[:21], flush=True)
        warned.set()

warned = threading.Event()
slow = Slow()
server = create_server(slow, threads=1, **LOCAL)
thread = start(server.run)
asking = [start(lambda: get(server)) for _ in range(2)]
slow.entered.acquire()
until(lambda: len(server.task_dispatcher.queue) == 1)
waited = warned.wait(WAIT)
slow.leave.set()
print(waited, [ended(each) for each in asking])
server.close()
print(ended(thread))
"""

QUEUE_FORMS = {
    "the-warning-about-the-queue": (
        "logging.getLogger('waitress.queue').addHandler(Printing())",
        "60",
    ),
    "at-its-parent": ("logging.getLogger('waitress').addHandler(Printing())", "60"),
    "silenced": (
        "logging.root.addHandler(Printing());"
        "logging.getLogger('waitress.queue').setLevel(logging.ERROR)",
        "3",
    ),
}


@pytest.mark.parametrize(("configure", "wait"), QUEUE_FORMS.values(), ids=QUEUE_FORMS)
def test_the_line_that_operators_look_for_is_in_the_logger_where_it_was(configure, wait):
    before, _, rest = WAIT.partition("warned = ")
    form = f"{before}{configure}\nwarned = {rest}".replace("WAIT", wait)
    theirs, ours = run_with_both(form)
    assert ours == theirs
    assert ("Task queue depth is 1" in ours) == (wait == "60")


def test_what_the_application_prints_is_not_silenced_with_the_logger():
    form = """
def printing(environ, start_response):
    print("of the application", file=environ["wsgi.errors"], flush=True)
    return app(environ, start_response)
logging.getLogger("waitress").setLevel(logging.FATAL)
server = create_server(printing, **LOCAL)
thread = start(server.run)
get(server)
server.close()
print(ended(thread))
"""
    done = subprocess.run(
        [sys.executable, "-c", INSTALL + PRELUDE + form],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "of the application" in done.stderr


WITHOUT_THE_ALIAS = """
import logging, sys, maitred

def app(environ, start_response):
    start_response("200 OK", [])
    return []

class Printing(logging.Handler):
    def emit(self, record):
        print(record.name, record.levelname, record.getMessage())

logging.getLogger("maitred").addHandler(Printing(logging.WARNING))
{configure}
for _ in range(2):
    with maitred.create_server(app, host="127.0.0.1", port=0):
        pass
"""


@pytest.mark.parametrize(
    ("configure", "lines"),
    [
        ("logging.getLogger('waitress').setLevel('INFO')", 1),
        ("logging.getLogger('waitress').addHandler(logging.NullHandler())", 1),
        ("logging.getLogger('waitress')", 0),
        ("logging.getLogger('waitress.queue').setLevel('ERROR')", 0),
        ("maitred.install_as_waitress(); logging.getLogger('waitress').setLevel('INFO')", 0),
        ("", 0),
    ],
    ids=["a-level", "a-handler", "neither", "another", "with-the-alias", "nothing"],
)
def test_one_warning_says_that_the_logger_of_waitress_has_no_effect(configure, lines):
    told = run(WITHOUT_THE_ALIAS.format(configure=configure)).splitlines()
    warnings = [line for line in told if "the logger `waitress` is configured" in line]
    assert len(warnings) == lines, told
    assert all(line.startswith("maitred WARNING") for line in warnings)
