"""Has an address that is set."""

from wsgiref.simple_server import demo_app

import maitred

server = maitred.create_server(demo_app)
server.url = "http://127.0.0.1"  # wrong
