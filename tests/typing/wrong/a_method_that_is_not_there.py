"""Has a method that is not there."""

from wsgiref.simple_server import demo_app

import maitred

maitred.create_server(demo_app).shutdown()  # wrong
