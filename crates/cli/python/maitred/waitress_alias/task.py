"""Replaces ``waitress.task``: the threads of a server, as programs stop and count them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from maitred.waitress_alias.refusal import Refused, refuse_overrides, refused_name
from maitred.waitress_alias.utilities import logger, queue_logger

if TYPE_CHECKING:
    from maitred.waitress_alias.serving import Serving


def __getattr__(name: str) -> Any:
    raise refused_name("waitress.task", name)


class ThreadedTaskDispatcher:
    """The threads that call the application.

    They are started through this object, so that a subclass may override ``start_new_thread``,
    ``handler_thread`` (to do something when a thread ends) and ``shutdown``. Which thread takes
    which request, the server decides.
    """

    stop_count: int = 0
    logger: logging.Logger = logger
    queue_logger: logging.Logger = queue_logger

    add_task: Refused = Refused(
        "the server hands requests to threads natively; `queue` has their number"
    )

    def __init__(self) -> None:
        refuse_overrides(type(self))
        self.threads: set[int] = set()
        self.lock: threading.Lock = threading.Lock()
        self.thread_exit_cv: threading.Condition = threading.Condition(self.lock)
        self.queue: Queue = Queue(self)
        self.count: int = 0
        self._servings: list[Serving] = []
        self._mains: dict[int, Callable[[], None]] = {}

    @property
    def active_count(self) -> int:
        """The number of threads that serve a request."""
        return sum(serving.native.busy for serving in self._servings)

    def set_thread_count(self, count: int) -> None:
        """Set the number of threads, before the server runs."""
        if self.threads and count != len(self.threads):
            raise NotImplementedError(
                "the number of threads cannot change while the server runs: set `threads`"
            )
        self.count = count

    def serve(self, serving: Serving) -> None:
        """Provide the threads of a server."""
        self._servings.append(serving)

    def start_thread(self, main: Callable[[], None]) -> None:
        """Start a thread that calls ``main``. The server calls this for each of its threads."""
        with self.lock:
            thread_no = next(n for n in range(len(self.threads) + 1) if n not in self.threads)
            self.threads.add(thread_no)
            self._mains[thread_no] = main
        self.start_new_thread(self.handler_thread, thread_no)

    def start_new_thread(self, target: Callable[[int], None], thread_no: int) -> None:
        """Start a thread that calls ``target`` with its number."""
        name = f"waitress-{thread_no}"
        threading.Thread(target=target, name=name, args=(thread_no,), daemon=True).start()

    def handler_thread(self, thread_no: int) -> None:
        """Serve requests until the server ends."""
        try:
            self._mains.pop(thread_no)()
        finally:
            with self.lock:
                self.threads.discard(thread_no)
                self.thread_exit_cv.notify_all()

    def shutdown(self, cancel_pending: bool = True, timeout: float = 5) -> bool:
        """Close the server and wait, at most ``timeout`` seconds, until its threads have ended.

        Requests that are running or waiting are answered, as far as ``graceful_timeout`` allows.
        Returns ``cancel_pending``, as Waitress does.
        """
        for serving in self._servings:
            serving.close()
        with self.lock:
            if not self.thread_exit_cv.wait_for(lambda: not self.threads, timeout):
                self.logger.warning("%d thread(s) still running", len(self.threads))
        return cancel_pending

    @property
    def waiting(self) -> int:
        """The number of requests that wait for a thread."""
        return sum(serving.native.waiting for serving in self._servings)


class Queue:
    """The requests that wait for a thread. They can be counted, and nothing else."""

    def __init__(self, dispatcher: ThreadedTaskDispatcher) -> None:
        self._dispatcher = dispatcher

    def __len__(self) -> int:
        return self._dispatcher.waiting

    def qsize(self) -> int:
        """Return their number."""
        return len(self)
