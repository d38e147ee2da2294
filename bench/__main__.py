"""python3 bench COMMAND: measure Maitred beside its peers. See README.md."""

import sys
from pathlib import Path

# The strict client of the tests checks the answers here too.
sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

from gauge.commands import main

sys.exit(main())
