"""Has a word that is no choice."""

from wsgiref.simple_server import demo_app

import maitred

maitred.serve(demo_app, log_level="verbose")  # wrong
