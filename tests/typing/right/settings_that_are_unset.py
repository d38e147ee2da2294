"""Passes None for what was not given on its own command line."""

import argparse
from wsgiref.simple_server import demo_app

import maitred

parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int)
parser.add_argument("--prefix")
port: int | None = parser.parse_args().port
maitred.serve(demo_app, port=port, url_prefix=parser.parse_args().prefix, ident=None)
