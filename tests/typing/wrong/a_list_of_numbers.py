"""Has a list of numbers."""

from wsgiref.simple_server import demo_app

import maitred

maitred.serve(demo_app, listen=[8080])  # wrong
