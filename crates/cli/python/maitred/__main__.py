"""``python -m maitred`` and the console script ``maitred`` are the same program."""

import sys

from maitred._native import main as _main


def main() -> int:
    """Run the command line of this process and return its exit status: 0, 1 or 2."""
    return _main(sys.argv)


if __name__ == "__main__":
    sys.exit(main())
