"""Serves an application with settings of every kind."""

from wsgiref.simple_server import demo_app

import maitred


@maitred.hook("worker-start")
def connect(worker: maitred.Worker) -> None:
    """Get what each process has for itself."""
    print(worker.number, worker.generation, worker.pid)


maitred.serve(
    demo_app,
    listen=["127.0.0.1:8080", "unix:/run/shop.sock"],
    threads="auto" if maitred.__version__ else 8,
    graceful_timeout="30s",
    header_timeout=2.5,
    max_request_body_size="10MB",
    inbuf_overflow=65536,
    expose_tracebacks=False,
    log_format="json",
)
