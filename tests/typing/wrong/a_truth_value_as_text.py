"""Has a truth value as text."""

from wsgiref.simple_server import demo_app

import maitred

maitred.serve(demo_app, expose_tracebacks="yes please")  # wrong
