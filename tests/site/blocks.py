"""The fenced blocks of the documentation, and what it takes to run them.

A block with a name behind its language (```` ```toml maitred.toml ````) is that file. Shell
commands of a page run in its order, in one folder: `maitred` serves in the background until the
page starts another or ends, `curl` asks it. The applications that pages talk about without showing
them are those of `stand_ins/`; a tutorial shows everything, and has none. Ports and folders of a
system become those of the test.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from ports import free_port

ROOT = Path(__file__).resolve().parents[2]

#: Every page of the documentation that a user reads, from the repository's top.
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
)

FENCED = re.compile(r"^```([\w-]+)(?: ([\w./-]+))?\n(.*?)^```$", re.M | re.S)

#: Programs that a page may name and that are not run here, because they are not there or would
#: change the machine.
NOT_RUN = {
    *("docker", "helm", "kubectl", "systemctl", "install", "git", "make"),
    *(
        "heroku",
        "fly",
        "mkcert",
        "caddy",
        "certbot",
        "winget",
        "py",
        "nssm",
        "sc.exe",
        "Get-Service",
    ),
    *("gunicorn", "granian", "uvicorn", "cheroot", "waitress-serve", "hypercorn", "celery"),
}

#: Commands of `maitred` that end by themselves.
COMMANDS = {"check", "config", "completions", "man", "reload", "status", "health"}

PORT = re.compile(r"\b(8000|8080|9090|6543)\b")


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    page: str
    line: int
    language: str
    name: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: str) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, found.start()) + 1, found[1], found[2] or "", found[3])
        for found in FENCED.finditer(text)
    ]


def commands(block: Block) -> list[str]:
    """Return every command of a shell block as one line; of a transcript, what follows `$`."""
    lines = block.text.replace("\\\n", " ").splitlines()
    if block.language == "console":
        lines = [line[2:] for line in lines if line.startswith("$ ")]
    return [line for line in lines if words_of(line)]


def words_of(line: str) -> list[str]:
    """Return the words of a command, without a comment and without what is behind a pipe."""
    words = shlex.split(line, comments=True)
    return words[: words.index("|")] if "|" in words else words


class Places:
    """The ports and folders of a test, in place of those that a page names."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        """Return the text with them."""
        for place in ("/run/maitred", "/srv/shop", "/srv/app"):
            text = text.replace(place, str(self.folder))
        return PORT.sub(lambda found: self._port(found[0]), text)

    def _port(self, named: str) -> str:
        return self.ports.setdefault(named, str(free_port()))
