"""``python -m waitress``, where `maitred.install_as_waitress` has been called at start-up."""

import sys

from maitred.waitress_alias.runner import run

if __name__ == "__main__":
    sys.exit(run())
