"""Gives what it receives to other threads.

They use it during the request and after it, and drop it last.

Each request has a number in its query string, which its answer repeats.
"""

import io
import os
import queue
import sys
import threading
import weakref
from pathlib import Path

HELPERS = 4

jobs: queue.SimpleQueue = queue.SimpleQueue()
problems: list[str] = []


def help_out():
    """Do what comes, and keep nothing of it."""
    while True:
        job = jobs.get()
        try:
            job()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is wrong
            problems.append(f"{type(error).__name__}: {error}")
        del job


for _ in range(HELPERS):
    threading.Thread(target=help_out, daemon=True).start()


def in_another_thread(work, *arguments):
    """Return what `work` returns in one of the helpers."""
    answers = queue.SimpleQueue()

    def job():
        try:
            answers.put((work(*arguments), None))
        except Exception as error:  # noqa: BLE001 - it is raised in the other thread
            answers.put((None, error))

    jobs.put(job)
    answer, error = answers.get()
    if error is not None:
        raise error
    return answer


def refused(work, *arguments):
    """Whether `work` raises an exception."""
    try:
        work(*arguments)
    except (AssertionError, OSError):
        return True
    return False


class Body:
    """Leaves things to do to a helper when it is closed, when the response has ended."""

    def __init__(self, chunks, afterwards):
        self.chunks = chunks
        self.afterwards = afterwards

    def __iter__(self):
        return iter(self.chunks)

    def close(self):
        jobs.put(self.afterwards)


def app(environ, start_response):
    """Answer in the way that the path names, with the number of the request."""
    shape = environ["PATH_INFO"][1:]
    return globals()[f"by_{shape}"](environ, start_response, environ["QUERY_STRING"].encode())


def ok(start_response):
    return start_response("200 OK", [("Content-Type", "text/plain")])


def by_environ(environ, start_response, number):
    ok(start_response)

    def afterwards():
        environ["kept"] = len(list(environ.items()))
        if environ["QUERY_STRING"].encode() != number:
            problems.append(f"the environ of {number!r} is that of {environ['QUERY_STRING']}")

    return Body([in_another_thread(environ.get, "QUERY_STRING").encode()], afterwards)


def by_input(environ, start_response, number):
    ok(start_response)
    body = environ["wsgi.input"]

    def afterwards():
        body.seek(0)
        if body.read() != number:
            problems.append(f"the body of {number!r} has changed")

    return Body([in_another_thread(body.read)], afterwards)


def by_write(environ, start_response, number):
    write = ok(start_response)
    in_another_thread(write, number)

    def afterwards():
        if not refused(write, b"too late"):
            problems.append(f"write() of {number!r} went on after its response")

    return Body([], afterwards)


def by_start_response(environ, start_response, number):
    in_another_thread(ok, start_response)

    def afterwards():
        if not refused(ok, start_response):
            problems.append(f"start_response of {number!r} went on after its response")

    return Body([number], afterwards)


def by_file_wrapper(environ, start_response, number):
    ok(start_response)
    wrapper = in_another_thread(environ["wsgi.file_wrapper"], io.BytesIO(number))
    return Body(wrapper, wrapper.close)


def by_errors(environ, start_response, number):
    ok(start_response)
    errors = environ["wsgi.errors"]
    in_another_thread(errors.write, f"during {number.decode()}.\n")
    return Body([number], lambda: errors.write(f"after {number.decode()}.\n"))


def by_iterable(environ, start_response, number):
    ok(start_response)
    chunks = in_another_thread(lambda: (bytes([byte]) for byte in number))
    return Body(chunks, lambda: list(chunks))


def by_client_disconnected(environ, start_response, number):
    ok(start_response)
    is_gone = environ["maitred.client_disconnected"]
    if in_another_thread(is_gone):
        problems.append(f"the client of {number!r} has gone before its answer")
    return Body([number], is_gone)


def by_problems(environ, start_response, number):
    """Answer with what has gone wrong, when every helper has done what came before."""
    all_have_come = threading.Barrier(HELPERS + 1)
    for _ in range(HELPERS):
        jobs.put(all_have_come.wait)
    all_have_come.wait()
    ok(start_response)
    return ["\n".join(problems).encode()]


class Thing:
    """Something whose release can be seen."""


def by_last_reference(environ, start_response, number):
    """Give the last reference of an object away; it is dropped when somebody opens the pipe."""
    ok(start_response)
    things = queue.SimpleQueue()
    thing = Thing()
    weakref.finalize(thing, print, "the thing is released", file=sys.stderr, flush=True)
    things.put(thing)

    def drop():
        Path(os.environ["PIPE"]).read_text()
        things.get()

    threading.Thread(target=drop, daemon=True).start()
    return [number]
