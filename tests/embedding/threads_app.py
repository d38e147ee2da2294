"""An application with a route for each use of threads."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

local = threading.local()
traced: list[str] = []
together = threading.Barrier(2)
later: list[str] = []
go_on = threading.Event()


def trace(frame: Any, event: str, argument: Any) -> Any:
    """Note which functions are called on which threads."""
    del argument
    if event == "call" and frame.f_code.co_name == "count":
        traced.append(threading.current_thread().name)
    return trace


threading.settrace(trace)


def count() -> str:
    """Count the requests of this thread, in a `threading.local`."""
    local.count = getattr(local, "count", 0) + 1
    return f"{threading.current_thread().name} {local.count}"


def both() -> str:
    """Wait until another thread is here too, and tell the name."""
    together.wait(60)
    return threading.current_thread().name


def dump() -> str:
    """Tell every thread's stack, as faulthandler does."""
    read, write = os.pipe()
    faulthandler.dump_traceback(file=write, all_threads=True)
    os.close(write)
    with os.fdopen(read) as told:
        return told.read()


def leave() -> str:
    """Do what a script does, in the wrong place."""
    sys.exit(3)


def interrupt() -> str:
    """Raise what Ctrl-C raises."""
    raise KeyboardInterrupt


def start() -> str:
    """Leave a thread behind that ends when `later` is asked for."""

    def work() -> None:
        go_on.wait(60)
        later.append("done")

    thread = threading.Thread(target=work, name="left-behind")
    thread.start()
    return thread.name


def finish() -> str:
    """Let the thread that `start` left behind end, and wait for it."""
    go_on.set()
    for thread in threading.enumerate():
        if thread.name == "left-behind":
            thread.join(60)
    return " ".join(later)


def run() -> str:
    """Run a program."""
    program = [sys.executable, "-c", "print('from a program')"]
    return subprocess.run(program, capture_output=True, text=True, check=True).stdout.strip()


def fork() -> str:
    """Fork, and have the child tell something."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, b"from a child")
        os._exit(0)
    os.close(write)
    _, status = os.waitpid(child, 0)
    with os.fdopen(read) as told:
        return f"{told.read()} {status}"


def fork_and_return() -> str:
    """Fork, and let the child come back from the application: only the parent may answer."""
    child = os.fork()
    if child == 0:
        return "from the child, which must not be heard"
    os.waitpid(child, 0)
    return "from the parent"


def work_elsewhere(queue: Any) -> None:
    """Run in a process of `multiprocessing`."""
    queue.put("from multiprocessing")


def multiprocess() -> str:
    """Start a process, and end others with SIGTERM, at once after they were started."""
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    worker = context.Process(target=work_elsewhere, args=(queue,))
    worker.start()
    told = queue.get(timeout=60)
    worker.join(60)
    ends = set()
    for _ in range(20):
        sleeper = context.Process(target=threading.Event().wait)
        sleeper.start()
        sleeper.terminate()
        sleeper.join(60)
        ends.add(sleeper.exitcode)
    return f"{told} {worker.exitcode} {ends}"


ROUTES: dict[str, Callable[[], str]] = {
    "/both": both,
    "/count": count,
    "/dump": dump,
    "/exit": leave,
    "/finish": finish,
    "/fork": fork,
    "/fork-and-return": fork_and_return,
    "/interrupt": interrupt,
    "/multiprocess": multiprocess,
    "/run": run,
    "/start": start,
    "/traced": lambda: " ".join(sorted(set(traced))),
}


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer with what the route's function tells."""
    body = ROUTES[environ["PATH_INFO"]]().encode()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body]
