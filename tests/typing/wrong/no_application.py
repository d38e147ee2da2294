"""Has no application."""

import maitred

maitred.serve(port=8080)  # wrong
