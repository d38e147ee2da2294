"""Hooks: functions of the program that run when a worker process begins and stops serving.

``maitred.hook`` only registers. The server calls the functions, in the main thread of each process
that serves: those of ``worker-start`` after the application has been imported (and, with `preload`,
after the fork) and before the first request, those of ``worker-stop`` after the last one.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeVar

Function = TypeVar("Function", bound=Callable[..., object])

EVENTS = ("worker-start", "worker-stop")

OF_OTHER_SERVERS = {
    "post-fork": "it is `worker-start`",
    "postfork": "it is `worker-start`",
    "post-worker-init": "it is `worker-start`",
    "on-worker-boot": "it is `worker-start`",
    "worker-exit": "it is `worker-stop`",
    "on-worker-shutdown": "it is `worker-stop`",
    "pre-fork": "use `os.register_at_fork(before=…)`",
    "before-fork": "use `os.register_at_fork(before=…)`",
    "after-fork": "use `worker-start`, or `os.register_at_fork(after_in_child=…)`",
}
"""What to use for the hooks of gunicorn, uWSGI and Puma."""


@dataclass(frozen=True)
class Worker:
    """A process that serves."""

    number: int
    """Its number: 0 up to `workers` less one. A process that takes its place has the same."""

    generation: int
    """How many processes were started before it, since the server was started."""

    pid: int
    """Its process id."""


_functions: dict[str, list[Callable[[Worker], object]]] = {event: [] for event in EVENTS}
_worker: Worker | None = None


def hook(event: str, /) -> Callable[[Function], Function]:
    """Register a function of one argument, a `Worker`, for an event.

    ``worker-start``: a worker process has imported the application, and is about to serve. An
    exception keeps it from starting. ``worker-stop``: it has answered its last request, and is
    about to end; the functions run in reverse order, and an exception is logged. Without a
    supervisor, the process that serves is worker 0.
    """
    if event not in EVENTS:
        raise ValueError(f"there is no hook {event!r}: {_advice(event)}")

    def register(function: Function, /) -> Function:
        _check(event, function)
        _functions[event].append(function)
        return function

    return register


def worker() -> Worker | None:
    """Return the worker that this process is; None where no server has started."""
    return _worker


def begin(number: int, generation: int) -> Worker:
    """Note which worker this process is."""
    global _worker
    _worker = Worker(number, generation, os.getpid())
    return _worker


def functions(event: str) -> list[tuple[str, Callable[[Worker], object]]]:
    """Return the functions to call, in their order, each with its name."""
    registered = _functions[event]
    ordered = registered if event == "worker-start" else registered[::-1]
    return [(_name(function), function) for function in ordered]


def are_registered() -> bool:
    """Return whether there is any function."""
    return any(_functions.values())


def _check(event: str, function: object) -> None:
    """Raise `TypeError` for what could not be called, or would do nothing."""
    if not callable(function):
        raise TypeError(f"a {event!r} hook must be a function, not {function!r}")
    if inspect.iscoroutinefunction(function):
        raise TypeError(
            f"the {event!r} hook `{_name(function)}` is a coroutine function, which nobody would "
            "await: write it without `async`"
        )
    try:
        inspect.signature(function).bind(None)
    except ValueError:
        pass  # it does not tell: a function in C
    except TypeError as error:
        raise TypeError(
            f"the {event!r} hook `{_name(function)}` must accept one argument, the worker: {error}"
        ) from None


def _advice(event: object) -> str:
    if callable(event):
        return 'write `@maitred.hook("worker-start")`, with the event'
    spelling = str(event).replace("_", "-").lower()
    if advice := OF_OTHER_SERVERS.get(spelling):
        return advice
    known = " and ".join(f"`{name}`" for name in EVENTS)
    if close := get_close_matches(spelling, EVENTS, 1):
        return f"did you mean `{close[0]}`? There are {known}"
    return f"there are {known}"


def _name(function: object) -> str:
    name = getattr(function, "__qualname__", None)
    module = getattr(function, "__module__", None)
    return f"{module}.{name}" if name and module else repr(function)
