"""An application that writes down which requests it begins to answer, and answers with their names.

What is written survives the process, however that ends.
"""

from __future__ import annotations

import os
import time

JOURNAL = os.open(os.environ["JOURNAL"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def app(environ, start_response):
    """Answer with the path."""
    name = environ["PATH_INFO"].lstrip("/").encode()
    os.write(JOURNAL, b"%s %d\n" % (name, os.getpid()))
    time.sleep(0.003)  # as one that waits for a database
    start_response("200 OK", [("Content-Length", str(len(name)))])
    return [name]
