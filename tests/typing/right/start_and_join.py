"""Starts, waits with a timeout, and stops."""

from wsgiref.simple_server import demo_app

import maitred


def supervise(server: maitred.Server) -> bool:
    """Wait for the end."""
    server.start()
    while not server.join(timeout=0.5):
        print(server.busy + server.waiting + server.connections, server.threads)
    server.stop()
    return True


supervise(maitred.create_server(application=demo_app, threads=2))
