"""Has an application that is none."""

import maitred

maitred.serve(None)  # wrong
