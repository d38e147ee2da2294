"""Write the vectors as seeds of the fuzz targets: corpus/<target>/<vector>."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "tests" / "conformance"))

from vectors import read_all  # noqa: E402

LENGTH_MAX = 4096
# What `any_cut` reads before its input: which limits, and where to cut.
PREFIX = {"any_bytes": b"", "differential": b"", "any_cut": bytes([0, 3, 1, 17, 2, 40, 1, 90, 5])}

for target in ("any_bytes", "any_cut", "differential", "round_trip", "connection_operations"):
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    for vector in read_all():
        sent = b"".join(vector.segments)
        if target in PREFIX and len(sent) < LENGTH_MAX:
            (folder / vector.name).write_bytes(PREFIX[target] + sent)
