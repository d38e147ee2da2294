"""A named pipe at which a request waits in a container, from which the test is not reachable."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from client import PATIENCE_SECONDS


class Gate:
    """A named pipe that a request of another container waits at."""

    def __init__(self, folder: Path) -> None:
        self.pipe = folder / "pipe"
        os.mkfifo(self.pipe)
        self.pipe.chmod(0o644)
        folder.chmod(0o755)
        self.option = f"--volume={folder}:/srv/gate:ro"

    def await_one(self) -> int:
        """Wait until a request waits, and return what lets it go on when it is closed."""
        opened: list[int] = []
        opening = threading.Thread(
            target=lambda: opened.append(os.open(self.pipe, os.O_WRONLY)), daemon=True
        )
        opening.start()
        opening.join(PATIENCE_SECONDS)
        assert opened, "no request waits"
        return opened[0]
