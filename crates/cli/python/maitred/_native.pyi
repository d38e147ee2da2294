from collections.abc import Sequence

__version__: str

def main(argv: Sequence[str], /) -> int:
    """Run the command line. The first element is the program's name. Returns the exit status."""
