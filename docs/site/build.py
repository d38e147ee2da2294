#!/usr/bin/env python3
"""Build the documentation as a site: `make site`, which writes to `target/site`.

The pages are those of `docs/`, which are also read in the repository, with the changes, the
security policy and the README of the chart. A link to a page becomes a link within the site, and
so does one to a picture; a link to any other file of the repository becomes the address of that
file in the project's source (`[project.urls]` in `pyproject.toml`). A block that is a file shows
its name. Sphinx then checks every link and every anchor, and a warning is an error.

Each version has a folder, which stays when another is built; `latest` is the one built last.
"""

from __future__ import annotations

import json
import posixpath
import re
import shutil
import subprocess
import sys
from pathlib import Path

import tomllib

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = Path(__file__).resolve().parent
STAGED = ROOT / "target" / "site-pages"
SITE = ROOT / "target" / "site"

#: Pages that are elsewhere in the repository, or have another name there.
ELSEWHERE = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "deploy/helm/maitred/README.md": "guides/helm-values.md",
    "docs/decisions/README.md": "decisions/index.md",
    "docs/site/index.md": "index.md",
}

#: The target of a link in Markdown, with what stands before and after it.
LINK = re.compile(r"(\]\()([^)\s]+)(\))")

#: Blocks and code, in which nothing is a link.
CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.M | re.S)

#: The beginning of a block that is a file: its language and its name.
FILE = re.compile(r"^```([\w-]+) (\S+)$", re.M)

#: What an address with a scheme, or one within the page, begins with.
NOT_A_FILE = re.compile(r"[a-z]+:|#")


def pages() -> dict[str, str]:
    """Return the place of every page in the site by its place in the repository."""
    found = {
        path.relative_to(ROOT).as_posix(): path.relative_to(ROOT / "docs").as_posix()
        for path in (ROOT / "docs").rglob("*.md")
        if SETTINGS not in path.parents
    }
    return {**found, **ELSEWHERE}


def pictures() -> dict[str, str]:
    """Return the place of every picture in the site by its place in the repository."""
    return {
        path.relative_to(ROOT).as_posix(): path.relative_to(ROOT / "docs").as_posix()
        for path in (ROOT / "docs" / "pictures").glob("*.png")
    }


def project() -> dict:
    """Return what `pyproject.toml` says of the project."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def version() -> str:
    """Return the version that the workspace has."""
    cargo = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))
    return cargo["workspace"]["package"]["version"]


def outside_code(text: str, change) -> str:
    """Apply a change to everything in a page that is not code."""
    parts, start = [], 0
    for code in CODE.finditer(text):
        parts += [change(text[start : code.start()]), code.group()]
        start = code.end()
    return "".join([*parts, change(text[start:])])


def linked(text: str, page: str, places: dict[str, str], source: str) -> str:
    """Return a page with links that are right where the site has it.

    A link to a file that does not exist stays as it is, and Sphinx will not find it.
    """

    def target(found: re.Match[str]) -> str:
        before, address, after = found.groups()
        if NOT_A_FILE.match(address):
            return found.group()
        path, mark, anchor = address.partition("#")
        file = posixpath.normpath(posixpath.join(posixpath.dirname(page), path))
        if file in places:
            here = posixpath.dirname(places[page])
            address = posixpath.relpath(places[file], here or ".") + mark + anchor
        elif (ROOT / file).exists():
            address = f"{source}/{file}"
        return before + address + after

    return outside_code(text, lambda part: LINK.sub(target, part))


def stage() -> None:
    """Write every page to where Sphinx reads it."""
    shutil.rmtree(STAGED, ignore_errors=True)
    shown, source = pictures(), project()["urls"]["Source"]
    places = {**pages(), **shown}
    for picture, place in shown.items():
        destination = STAGED / place
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / picture, destination)
    for page, place in pages().items():
        text = (ROOT / page).read_text(encoding="utf-8")
        destination = STAGED / place
        destination.parent.mkdir(parents=True, exist_ok=True)
        text = FILE.sub(r"```{code-block} \1\n:caption: \2\n", linked(text, page, places, source))
        destination.write_text(text, encoding="utf-8")


def publish(built: Path) -> None:
    """Make the version that was built the latest, and list all that there are."""
    latest = SITE / "latest"
    shutil.rmtree(latest, ignore_errors=True)
    shutil.copytree(built, latest)
    versions = sorted(
        (folder.name for folder in SITE.iterdir() if folder.is_dir() and folder != latest),
        key=lambda name: [int(part) for part in re.findall(r"\d+", name)],
        reverse=True,
    )
    listed = json.dumps(["latest", *versions])
    (SITE / "versions.js").write_text(f"window.MAITRED_VERSIONS = {listed};\n", encoding="utf-8")
    (SITE / "index.html").write_text(
        '<!doctype html><meta charset="utf-8"><title>Maitred</title>'
        '<meta http-equiv="refresh" content="0; url=latest/index.html">'
        '<a href="latest/index.html">The documentation of Maitred</a>\n',
        encoding="utf-8",
    )


def main() -> int:
    """Build the site; return the exit status of Sphinx."""
    stage()
    built = SITE / version()
    shutil.rmtree(built, ignore_errors=True)
    command = [sys.executable, "-m", "sphinx", "--builder=html", "--fail-on-warning"]
    command += ["--keep-going", "--quiet", "--fresh-env", f"--conf-dir={SETTINGS}"]
    command += [f"-Dversion={version()}", f"-Drelease={version()}"]
    command += [f"--doctree-dir={ROOT / 'target' / 'site-doctrees'}", str(STAGED), str(built)]
    status = subprocess.run(command, check=False).returncode  # noqa: S603 (our own words)
    if status == 0:
        publish(built)
        sys.stdout.write(f"{(SITE / 'latest' / 'index.html').relative_to(ROOT)}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
