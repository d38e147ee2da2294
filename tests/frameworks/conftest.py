"""Fixtures that serve the framework applications in processes shared by tests."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from applications import APPLICATIONS, HERE, PASSWORD
from server import Server, command


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a file of 3 MB in it, `large.bin`, and an empty one, `empty.bin`."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "large.bin").write_bytes(random.Random(1).randbytes(3_000_000))  # noqa: S311
    (folder / "empty.bin").write_bytes(b"")
    return folder


@pytest.fixture(scope="session")
def large(files: Path) -> str:
    """Return the SHA-256 of `large.bin`."""
    return hashlib.sha256((files / "large.bin").read_bytes()).hexdigest()


@pytest.fixture(scope="session")
def environment(files: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the environment of every application, with a database in which `chef` may log in."""
    environment = {
        "TEST_FILES": str(files),
        "TEST_DATABASE": str(tmp_path_factory.mktemp("database") / "db.sqlite3"),
        "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
    }
    for arguments in (
        ["migrate"],
        ["createsuperuser", "--no-input", "--username=chef", "--email=chef@example.com"],
    ):
        subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=HERE,
            env={**os.environ, **environment},
            check=True,
            capture_output=True,
        )
    return environment


@pytest.fixture(scope="session")
def serving(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Server]]:
    """Start an application once, over TCP and over a Unix socket, for all tests that want it."""
    servers: dict[str, Server] = {}

    def start(application: str) -> Server:
        if application not in servers:
            path = tmp_path_factory.mktemp("socket") / "s"
            arguments = ["--listen=127.0.0.1:0", f"--listen=unix:{path}", application]
            servers[application] = Server(command(*arguments), HERE, environment)
            servers[application].wait_for("serving on ")
        return servers[application]

    yield start
    for server in servers.values():
        server.close()


@pytest.fixture
def application(serving: Callable[[str], Server], request: pytest.FixtureRequest) -> Server:
    """Return the served application of the framework that the test was given as a parameter."""
    return serving(APPLICATIONS[request.param])


@pytest.fixture
def django(serving: Callable[[str], Server]) -> Server:
    """Return the served Django project."""
    return serving(APPLICATIONS["django"])


@pytest.fixture
def flask(serving: Callable[[str], Server]) -> Server:
    """Return the served Flask application."""
    return serving(APPLICATIONS["flask"])


@pytest.fixture
def pyramid(serving: Callable[[str], Server]) -> Server:
    """Return the served Pyramid application."""
    return serving(APPLICATIONS["pyramid"])


@pytest.fixture
def bottle(serving: Callable[[str], Server]) -> Server:
    """Return the served Bottle application."""
    return serving(APPLICATIONS["bottle"])
