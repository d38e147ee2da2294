"""Runs the command line within a program."""

import sys

import maitred
from maitred import runner

maitred.install_as_waitress()
sys.exit(runner.run(["shop", "--listen=127.0.0.1:8080", "shop.wsgi:application"]))
