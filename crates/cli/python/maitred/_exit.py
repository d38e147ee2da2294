"""Names the threads that keep the process alive after the server has stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


def watch(seconds: float, tell: Callable[[str], None]) -> None:
    """Call `tell` with the names of the threads that the interpreter still waits for then.

    A daemon of Python's own does this: the interpreter may finalize at any time, which ends such a
    thread wherever it is.
    """

    def name_threads() -> None:
        time.sleep(seconds)
        main = threading.main_thread()
        waited_for = [
            thread.name
            for thread in threading.enumerate()
            if thread is not main and not thread.daemon and thread.is_alive()
        ]
        if waited_for:
            tell(", ".join(waited_for))

    threading.Thread(target=name_threads, name="maitred-exit-names", daemon=True).start()
