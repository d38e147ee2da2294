"""Serves in the background of a block."""

import urllib.request
from wsgiref.simple_server import demo_app

import maitred

with maitred.create_server(demo_app, host="127.0.0.1", port=0) as server:
    urllib.request.urlopen(server.url)
    host, port = server.effective_listen[0]
    print(host.upper(), port.upper())
