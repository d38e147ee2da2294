"""Tests that building and trying wheels says what it lacks, before anything is built."""

from __future__ import annotations

import pytest

PYTHON = "#!/bin/sh\necho 3.12\n"
TARGETS = [
    f"{machine}-unknown-linux-{library}"
    for machine in ("x86_64", "aarch64")
    for library in ("gnu", "musl")
]


@pytest.fixture
def run(machine):
    """Return a machine with what the scripts need, and without Rust and Python."""
    return machine("bash", "env", "dirname", "uname", "sed", "sort", "head", "tail", "mktemp", "rm")


@pytest.fixture
def rustc(tmp_path):
    """Return a function that returns a `rustc` with the standard libraries of these targets."""

    def rustc(*targets: str) -> dict[str, str]:
        for target in targets:
            (tmp_path / "rust/lib/rustlib" / target / "lib").mkdir(parents=True)
        return {"rustc": f"#!/bin/sh\necho {tmp_path}/rust\n"}

    return rustc


def test_without_rust(run, refused):
    assert refused(run(".ci/wheels")).startswith("error: Rust is missing: ")


@pytest.mark.parametrize("missing", TARGETS)
def test_a_target_without_its_standard_library_is_named(run, refused, rustc, missing):
    programs = rustc(*(target for target in TARGETS if target != missing))
    line = refused(run(".ci/wheels", programs=programs))
    assert line == (
        f"error: the standard library of {missing} is missing: rustup target add {missing}"
    )


def test_a_target_for_which_there_are_no_wheels_is_named(run, refused, rustc):
    line = refused(run(".ci/wheels", "sparc64-sun-solaris", programs=rustc(*TARGETS)))
    assert line.startswith("error: no wheels are built for `sparc64-sun-solaris`, but for ")


def test_there_is_nothing_to_try_before_wheels_are_built(run, refused, root, tmp_path):
    (tmp_path / "tree/.ci").mkdir(parents=True)
    for script in ("try-wheels", "interpreters"):
        (tmp_path / "tree/.ci" / script).symlink_to(root / ".ci" / script)
    line = refused(run(".ci/try-wheels", cwd=tmp_path / "tree", programs={"python3.12": PYTHON}))
    assert line.startswith("error: no wheel is in target/wheels/dist: run `make wheels`")
