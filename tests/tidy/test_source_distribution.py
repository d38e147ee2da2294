"""Tests of the contents of the source distribution."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import PurePosixPath

import pytest

FOR_PACKAGERS = {
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "docs/guides/windows.md",
    "tests/conformance/test_vectors.py",
    "tests/every_system/requirements.txt",
    "tests/vectors/chunked.txt",
}


@pytest.fixture(scope="module")
def contents(root, tmp_path_factory):
    """Return the paths in it, without the folder that all of them are in."""
    out = tmp_path_factory.mktemp("sdist")
    command = [f"{sys.prefix}/bin/maturin", "sdist", "--out", str(out)]
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    with tarfile.open(next(out.glob("*.tar.gz"))) as archive:
        return {str(PurePosixPath(*PurePosixPath(name).parts[1:])) for name in archive.getnames()}


def test_it_has_every_file_that_a_crate_or_the_package_is_made_of(contents, tracked):
    made_of = {
        str(path)
        for path in tracked
        if path.parts[0] == "crates"
        and not {"fuzz", "model"} & set(path.parts)
        and path.suffix != ".md"
    }
    assert {"Cargo.lock", "Cargo.toml", "pyproject.toml"} | made_of <= contents


def test_it_has_what_packagers_read_and_test_with(contents):
    assert contents >= FOR_PACKAGERS


def test_it_has_nothing_that_nobody_wrote(contents, tracked):
    assert contents - {str(path) for path in tracked} == {"PKG-INFO"}
