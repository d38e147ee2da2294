"""Sets up the peers in a separate environment, wrk and valgrind, and the floor program."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from gauge.servers import BENCH, FLOOR, PEERS

FROM_DEBIAN = {"wrk": "wrk", "valgrind": "valgrind", "taskset": "util-linux", "cargo": "cargo"}
LIBEV = Path("/usr/include/ev.h")


def set_up() -> list[str]:
    """Install what can be installed, and name what is missing and why it is needed."""
    missing = _system_programs()
    missing += _peers()
    if shutil.which("cargo"):
        # The target folder outlives `cargo clean`, and is none of the workspace's.
        target = FLOOR.parents[1]
        command = ["cargo", "build", "--release", "--locked", "--target-dir", str(target)]
        if not _succeeds([*command, "--manifest-path", str(BENCH / "floor" / "Cargo.toml")]):
            missing.append("the floor program: it did not compile")
    return missing


def _system_programs() -> list[str]:
    wanted = {package for program, package in FROM_DEBIAN.items() if not shutil.which(program)}
    wanted |= set() if LIBEV.exists() else {"libev-dev"}
    if not wanted:
        return []
    if os.geteuid() == 0 and shutil.which("apt-get"):
        _succeeds(["apt-get", "update", "-q"])
        if _succeeds(["apt-get", "install", "-q", "-y", *sorted(wanted)]):
            return []
    return [f"{package}: install it as root, with apt-get or as your system does" for package in
            sorted(wanted)]  # fmt: skip


def _peers() -> list[str]:
    """Install the peers one by one, so that one which does not compile stops no other."""
    python, missing = PEERS / "bin" / "python", []
    if not python.exists() and not _succeeds([sys.executable, "-m", "venv", str(PEERS)]):
        return [f"{PEERS}: could not be made"]
    for requirement in requirements((BENCH / "peers.txt").read_text()):
        if not _succeeds([str(python), "-m", "pip", "install", "-q", requirement]):
            missing.append(f"{requirement}: pip could not install it, so it will not be measured")
    return missing


def requirements(text: str) -> list[str]:
    """The requirements in a file of pip's, without comments."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def _succeeds(command: list[str]) -> bool:
    print("+", " ".join(command), file=sys.stderr, flush=True)
    return subprocess.run(command, check=False).returncode == 0
