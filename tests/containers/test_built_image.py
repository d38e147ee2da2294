"""Tests of what deploy/Dockerfile adds to its base, read from the layers that a push would send."""

from __future__ import annotations

import re
import subprocess
import tarfile
from dataclasses import dataclass

import pytest
from podman import ENVIRONMENT, ROOT, inspected

pytestmark = pytest.mark.containers

#: The native module is 6 MB, everything else 1 MB: a cache, the wheel or a second copy of the
#: module would not fit.
BYTES_MAX = 10_000_000

#: What may be there, beside the environment of the server: what `useradd` writes, and the file and
#: the folder that buildah makes to mount its own over them.
EXPECTED = re.compile(
    r"opt/venv/(bin|include|lib|lib64|pyvenv\.cfg)(/|$)"
    r"|(opt|opt/venv|etc|run|srv|srv/app)$"
    r"|etc/maitred(/maitred\.toml)?$"
    r"|etc/((passwd|group|shadow|gshadow|subuid|subgid)-?|\.pwd\.lock)$"
    r"|etc/hosts$"
)


@dataclass
class Entry:
    """A file, link or folder of a layer."""

    name: str
    about: tarfile.TarInfo
    content: bytes


def layers(image: str) -> dict[str, list[Entry]]:
    """Read every layer of an image, by its digest, from the archive that `podman save` writes."""
    read: dict[str, list[Entry]] = {}
    save = ["podman", "save", "--quiet", "--format=docker-archive", image]
    with (
        subprocess.Popen(save, env=ENVIRONMENT, stdout=subprocess.PIPE) as saving,
        tarfile.open(fileobj=saving.stdout, mode="r|") as archive,
    ):
        for part in archive:
            if part.isfile() and part.name.endswith(".tar"):
                read[part.name.removesuffix(".tar")] = entries(archive.extractfile(part))
    assert saving.returncode == 0
    return read


def entries(stream) -> list[Entry]:
    """Read every entry of one layer."""
    with tarfile.open(fileobj=stream, mode="r|") as layer:
        return [
            Entry(
                entry.name.removeprefix("./"),
                entry,
                layer.extractfile(entry).read() if entry.isfile() else b"",  # type: ignore[union-attr]
            )
            for entry in layer
        ]


@pytest.fixture(scope="module")
def image() -> dict:
    """Return what podman knows of the image."""
    return inspected("image", "localhost/maitred")


@pytest.fixture(scope="module")
def added(image: dict) -> list[Entry]:
    """Return all that the image adds to the Python that it starts from."""
    base = re.search(r"FROM ([\w./:-]*python[\w./:-]*)", str(image["History"]))
    assert base
    below = inspected("image", base[1])["RootFS"]["Layers"]
    own = [digest.removeprefix("sha256:") for digest in image["RootFS"]["Layers"][len(below) :]]
    assert own
    read = layers("localhost/maitred")
    return [entry for digest in own for entry in read[digest]]


def test_it_adds_the_server_its_settings_and_its_user_and_nothing_else(added: list[Entry]) -> None:
    assert [it.name for it in added if not EXPECTED.match(it.name.rstrip("/"))] == []


def test_it_adds_less_than_a_cache_or_a_compiler_would(added: list[Entry]) -> None:
    size = sum(len(it.content) for it in added)
    assert size < BYTES_MAX, sorted((len(it.content), it.name) for it in added)[-10:]


def test_the_guide_says_how_much_it_adds(added: list[Entry]) -> None:
    guide = (ROOT / "docs" / "guides" / "kubernetes.md").read_text(encoding="utf-8")
    (said,) = re.findall(r"image is that of Python, and (\d+) MB more", guide)
    size = sum(len(it.content) for it in added)
    assert abs(size / 1_000_000 - int(said)) < 1, size


def test_nothing_in_it_names_the_machine_that_built_it(added: list[Entry], image: dict) -> None:
    # Registries and certificates of the machine are mounted while it is built. Of their kinds of
    # file there is none, and the rest has no text of theirs.
    kinds = re.compile(r"(pip\.conf|config\.toml|credentials|\.netrc|\.pem|\.crt|\.pypirc)")
    assert [it.name for it in added if kinds.search(it.name)] == []
    told = re.compile(rb"BEGIN CERTIFICATE|index-url|/usr/local/(cargo|rustup)/(config|toolch)")
    assert [it.name for it in added if told.search(it.content)] == []
    said = {entry.partition("=")[0] for entry in image["Config"]["Env"]}
    assert said == {"PATH", "MAITRED_CONFIG", "PYTHONDONTWRITEBYTECODE"}
    assert [step for step in image["History"] if re.search(r"https?://", str(step))] == []


def test_who_runs_it_can_change_nothing_in_it(added: list[Entry]) -> None:
    writable = [
        it.name
        for it in added
        if not it.about.issym() and (it.about.uid != 0 or it.about.mode & 0o022)
    ]
    assert writable == []
    assert [it.name for it in added if it.about.mode & 0o6000] == []


def test_everybody_may_read_and_run_the_server(added: list[Entry]) -> None:
    server = [it for it in added if it.name.startswith(("opt/venv", "etc/maitred"))]
    assert server
    assert [it.name for it in server if it.about.isfile() and not it.about.mode & 0o004] == []
    assert [it.name for it in server if it.about.isdir() and not it.about.mode & 0o001] == []


def test_its_modules_are_compiled(added: list[Entry]) -> None:
    package = re.compile(r".*/site-packages/maitred/(__pycache__/)?(\w+)(\.[\w-]+\.pyc|\.py)$")
    found = [match for it in added if (match := package.match(it.name))]
    sources = {match[2] for match in found if not match[1]}
    assert sources
    assert sources == {match[2] for match in found if match[1]}


def test_it_says_how_it_is_run_stopped_and_asked_for_its_health(image: dict) -> None:
    config = image["Config"]
    assert config["User"] == "10001:10001"
    assert config["Entrypoint"] == ["maitred"]
    assert config["StopSignal"] == "SIGTERM"
    assert config["ExposedPorts"].keys() == {"8080/tcp", "9090/tcp"}
    assert image["Healthcheck"]["Test"] == ["CMD", "maitred", "health"]
