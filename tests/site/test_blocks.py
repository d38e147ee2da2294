"""Tests that what the documentation shows works: every block that can run here does."""

from __future__ import annotations

import configparser
import importlib.metadata
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from blocks import COMMANDS, NOT_RUN, PAGES, ROOT, Block, Places, blocks, commands, words_of
from manifests import tomllib
from server import Server, command

HERE = Path(__file__).parent
STAND_INS = HERE / "stand_ins"

#: Pages whose applications need more packages than the other tests.
WITH_MORE_PACKAGES = {
    "docs/tutorials/django.md",
    *(f"docs/guides/{name}.md" for name in ("static-files", "sentry", "opentelemetry", "celery")),
    "docs/guides/from-cheroot.md",
}

#: Languages of which a block is only read by people, or checked elsewhere (`test_proxy_blocks.py`).
NOT_FOR_PYTHON = {"text", "dockerfile", "apache", "nginx", "caddyfile", "promql", "powershell"}

#: Languages of commands, and those that the tests below check.
SHELL = ("sh", "bash", "console")
CHECKED = {*SHELL, "python", "toml", "ini", "yaml", "json", "xml"}

SECONDS_MAX = 120


def marked(page: str) -> object:
    """Return the page as a parameter, for the system tests if it needs more than others."""
    return pytest.param(page, marks=pytest.mark.system if page in WITH_MORE_PACKAGES else ())


def of_language(*languages: str) -> list[object]:
    """Return the pages that have a block in one of the languages."""
    return [marked(p) for p in PAGES if any(b.language in languages for b in blocks(p))]


@pytest.fixture
def story(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Story]:
    """A folder with the stand-ins, in which a page is played."""
    told = Story(tmp_path)
    if "/tutorials/" not in request.getfixturevalue("page"):
        for file in STAND_INS.rglob("*.py"):
            told.write(file.relative_to(STAND_INS).as_posix(), file.read_text("utf-8"))
    yield told
    told.close()


class Story:
    """What happens on a page, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.places = Places(folder)
        self.exported: dict[str, str] = {}
        self.server: Server | None = None

    def write(self, name: str, text: str) -> Path:
        """Write a file that the page shows."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self.places(text), encoding="utf-8")
        return file

    @property
    def env(self) -> dict[str, str]:
        """The environment of its commands: that of the tests, and what the page exports."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        return {"PATH": path, "HOME": str(self.folder), "PYTHONPATH": ".", **self.exported}

    def run(self, *words: str) -> str:
        """Run a command to its end; it has to succeed."""
        done = subprocess.run(
            words,
            cwd=self.folder,
            env=self.env,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SECONDS_MAX,
            check=False,
        )
        assert done.returncode == 0, f"{words}: status {done.returncode}\n{done.stdout}"
        return done.stdout

    def serve(self, *words: str) -> None:
        """Start a server, in place of the one before, and wait until it serves."""
        self.stop()
        self.server = Server(words, cwd=self.folder, env=self.env)
        self.server.wait_for("serving on ")

    def stop(self) -> None:
        """Stop the server, as Ctrl-C would; its exit status has to be 0."""
        if self.server is not None:
            assert self.server.stop() == 0, self.server.log
            self.server = None

    def close(self) -> None:
        """End it after a failure, too."""
        if self.server is not None:
            self.server.close()

    def do(self, line: str) -> None:
        """Do what a line of the page says."""
        line = self.places(line)
        words = words_of(line)
        program, rest = words[0].rpartition("/")[2], words[1:]
        if program == "export":
            self.exported.update(word.split("=", 1) for word in rest)
        elif program == "pip" and rest[0] == "install":
            # The environment of the tests has it, or the page names something that does not exist.
            for package in rest[1:]:
                if not package.startswith("-") and not package.endswith(".txt"):
                    importlib.metadata.distribution(package)
        elif program == "." or (program == "python3" and rest[:2] == ["-m", "venv"]):
            pass  # the tests are in an environment
        elif program in NOT_RUN or rest[:1] == ["bench"]:
            pass  # not here, or an hour of measuring
        elif is_server(words):
            self.serve(*words)
        else:
            self.run("bash", "-o", "pipefail", "-c", line)


def is_server(words: list[str]) -> bool:
    """Whether a command serves until it is stopped."""
    if words[1:4] == ["manage.py", "server", "web"]:
        return True
    at = next((n for n, word in enumerate(words) if word == "maitred"), None)
    if at is None:
        return False
    rest = words[at + 1 :]
    ends = {"--help", "--version", "-h", "-V"} & set(rest)
    return not ends and not (rest and rest[0] in COMMANDS)


@pytest.mark.parametrize("page", of_language(*SHELL))
def test_the_commands_of_a_page_work_in_its_order(page: str, story: Story) -> None:
    for block in blocks(page):
        if block.name and block.language not in NOT_FOR_PYTHON:
            story.write(block.name, block.text)
        elif block.language in SHELL:
            for line in commands(block):
                story.do(line)
    story.stop()


@pytest.mark.parametrize("page", of_language("python"))
def test_the_python_of_a_page_runs(page: str, story: Story) -> None:
    shown = [block for block in blocks(page) if block.language == "python"]
    for block in shown:
        if block.name:
            story.write(block.name, block.text)
    for block in shown:
        if Path(block.name).name.startswith("test_"):
            story.run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", block.name)
        elif "/" in block.name or "import win32" in block.text or block.name.count(".") > 1:
            # A part of a project, which its commands run; only for Windows; or no module's name.
            compile(block.text, str(block), "exec")
        elif block.name:
            story.run(sys.executable, "-c", f"import {block.name.removesuffix('.py')}")
        else:
            (story.folder / "shown.py").write_text(runnable(block), encoding="utf-8")
            story.run(sys.executable, str(HERE / "prelude.py"), "shown.py")


def runnable(block: Block) -> str:
    """Return a block as a module; one that is entries of a dictionary gets its braces."""
    try:
        compile(block.text, str(block), "exec")
    except SyntaxError:
        inside = "{" + block.text + "}"
        compile(inside, str(block), "exec")
        return inside
    return block.text


@pytest.mark.parametrize("page", of_language("toml"))
def test_the_settings_of_a_page_are_right(page: str, tmp_path: Path) -> None:
    for block in blocks(page):
        if block.language != "toml":
            continue
        told = tomllib.loads(block.text)
        if block.name in ("", "maitred.toml"):
            file = tmp_path / "maitred.toml"
            file.write_text(block.text, encoding="utf-8")
            shown = subprocess.run(
                command("config", "show", f"--config={file}"),
                capture_output=True,
                text=True,
                timeout=SECONDS_MAX,
                check=False,
            )
            assert (shown.returncode, shown.stderr) == (0, ""), f"{block}\n{shown.stderr}"
        assert told


@pytest.mark.parametrize("page", of_language("ini"))
def test_the_ini_files_of_a_page_can_be_imported(page: str, story: Story) -> None:
    for block in blocks(page):
        if block.language != "ini":
            continue
        text = block.text if "[" in block.text else f"[server:main]\n{block.text}"
        parser = configparser.ConfigParser(interpolation=None, inline_comment_prefixes="#")
        parser.read_string(text)
        if parser.has_section("server:main"):
            if not parser.has_option("server:main", "use"):
                text += "use = egg:maitred#main\n"
            file = story.write("shown.ini", text)
            story.run(*command("config", "import", str(file)))


@pytest.mark.parametrize("page", of_language("yaml", "json", "xml"))
def test_the_data_of_a_page_can_be_read(page: str, story: Story) -> None:
    for block in blocks(page):
        if block.language == "json":
            json.loads(block.text)
        elif block.language == "xml":
            ElementTree.fromstring(block.text)  # noqa: S314 (our own)
        elif block.language == "yaml":
            assert list(yaml.safe_load_all(block.text))
            if block.name == "compose.yaml":
                file = story.write(block.name, block.text)
                schema = ("--builtin-schema", "vendor.compose-spec")
                story.run(sys.executable, "-m", "check_jsonschema", *schema, str(file))


def test_every_block_is_in_a_language_that_is_checked_or_named_here() -> None:
    found = {block.language for page in PAGES for block in blocks(page)}
    assert found - CHECKED - NOT_FOR_PYTHON == set()


def test_every_page_that_is_named_here_exists() -> None:
    assert set(PAGES) >= WITH_MORE_PACKAGES
    assert (ROOT / "docs/site/index.md").exists()
