"""Runs a program with Waitress, and with Maitred in its place."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

INSTALL = "import maitred\nmaitred.install_as_waitress()\n"

PRELUDE = """
import logging, os, signal, socket, sys, tempfile, threading, time, urllib.request
import waitress, waitress.server, waitress.task, waitress.utilities, waitress.wasyncore
from waitress import create_server, serve, wasyncore
from waitress.task import ThreadedTaskDispatcher

LOCAL = {"host": "127.0.0.1", "port": 0}

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Connection-Id", "1")])
    return [environ["PATH_INFO"].encode()]

def other(environ, start_response):
    start_response("200 OK", [])
    return [b"other"]

def get(server, path="/"):
    url = f"http://{server.effective_host}:{server.effective_port}{path}"
    request = urllib.request.Request(url, headers={"Connection": "close"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read().decode()

def start(target):
    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    return thread

def ended(thread):
    thread.join(60)
    return not thread.is_alive()

def until(is_so):
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)

class Slow:
    "An application that waits until it may go on."
    def __init__(self):
        self.entered, self.leave = threading.Semaphore(0), threading.Event()
    def __call__(self, environ, start_response):
        self.entered.release()
        assert self.leave.wait(60)
        return app(environ, start_response)
"""


def run(program: str, *flags: str) -> str:
    """Run a program and return what it prints; what it logs is in the error if it fails."""
    command = [sys.executable, *flags, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_with_both(form: str) -> tuple[str, str]:
    """Run a form with Waitress and with Maitred, and return what each prints."""
    program = PRELUDE + textwrap.dedent(form)
    with ThreadPoolExecutor(2) as executor:
        outputs = executor.map(run, [program, INSTALL + program])
        theirs, ours = outputs
    return theirs, ours
