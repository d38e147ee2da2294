"""Has a misspelt keyword."""

from wsgiref.simple_server import demo_app

import maitred

maitred.serve(demo_app, threds=8)  # wrong
