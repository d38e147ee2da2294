"""Has a misspelt keyword of create server."""

from wsgiref.simple_server import demo_app

import maitred

maitred.create_server(demo_app, hots="127.0.0.1")  # wrong
