"""Passes sockets that are already bound, and paths as objects."""

import socket
from pathlib import Path
from wsgiref.simple_server import demo_app

import maitred

with socket.create_server(("127.0.0.1", 0)) as bound:
    server = maitred.create_server(demo_app, sockets=[bound], temp_dir=Path("/var/tmp"))
    print(server.socket.getsockname())
    server.close()
