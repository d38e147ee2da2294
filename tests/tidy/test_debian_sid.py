"""Tests that `.ci/debian-sid` says what it lacks, and removes only what it made."""

from __future__ import annotations

import pytest

FINE = "#!/bin/sh\nexit 0\n"
ROOT_USER = "#!/bin/sh\necho 0\n"
ALL = {"id": ROOT_USER, **dict.fromkeys(("debootstrap", "unshare", "tar", "git", "rustc"), FINE)}
MOUNTED, NOT_MOUNTED = FINE, "#!/bin/sh\nexit 1\n"


@pytest.fixture
def sid(machine):
    """Return a function that runs `.ci/debian-sid` with these programs."""
    run = machine("bash", "env", "dirname", "realpath", "cat", "rm", "rmdir")

    def sid(argument: str, programs: dict[str, str], **variables: str):
        # As in its namespace of mounts already: tests make no mounts.
        return run(
            ".ci/debian-sid",
            argument,
            programs=programs,
            MAITRED_SID_NAMESPACE="1",
            **variables,
        )

    return sid


def test_another_user_than_root_is_told_so(sid, refused):
    line = refused(sid("true", {**ALL, "id": "#!/bin/sh\necho 1000\n"}))
    assert line.startswith("error: only root can make and enter a root filesystem")


@pytest.mark.parametrize("program", ["debootstrap", "unshare", "tar", "git"])
def test_a_missing_program_is_named(sid, refused, program):
    line = refused(sid("true", {name: text for name, text in ALL.items() if name != program}))
    assert line.startswith(f"error: {program} is missing (on Debian: apt install ")


def test_without_rust(sid, refused):
    line = refused(sid("true", {name: text for name, text in ALL.items() if name != "rustc"}))
    assert line.startswith("error: Rust is missing: ")


@pytest.mark.parametrize("argument", ["true", "--remove"])
def test_a_folder_that_was_not_made_for_it_is_neither_used_nor_removed(
    sid, refused, tmp_path, argument
):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/file").write_text("kept")
    line = refused(sid(argument, ALL, SID_ROOT=str(tmp_path / "mine")))
    assert line.endswith("/mine is something else: name another folder with SID_ROOT=…")
    assert (tmp_path / "mine/file").read_text() == "kept"


def made(folder) -> str:
    folder.mkdir()
    (folder / ".made-for-maitred").write_text("complete\n")
    return str(folder)


def test_what_was_made_is_removed(sid, tmp_path):
    done = sid("--remove", {**ALL, "grep": NOT_MOUNTED}, SID_ROOT=made(tmp_path / "root"))
    assert done.returncode == 0, done
    assert not (tmp_path / "root").exists()


def test_nothing_is_removed_while_something_is_mounted_below(sid, refused, tmp_path):
    line = refused(sid("--remove", {**ALL, "grep": MOUNTED}, SID_ROOT=made(tmp_path / "root")))
    assert line.startswith("error: something is mounted below ")
    assert (tmp_path / "root").exists()
