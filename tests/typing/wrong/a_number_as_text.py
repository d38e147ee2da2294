"""Has a number as text."""

from wsgiref.simple_server import demo_app

import maitred

maitred.serve(demo_app, port="http")  # wrong
