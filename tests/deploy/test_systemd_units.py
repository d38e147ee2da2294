"""Tests that the systemd units are valid, and consistent with each other and the server."""

import configparser
import re
from pathlib import Path

import pytest
from manifests import DEPLOY, program, run, tomllib

UNITS = DEPLOY / "systemd"


def unit(name: str) -> configparser.ConfigParser:
    """Read a unit file; none of ours gives a key twice."""
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str
    parser.read(UNITS / name, encoding="utf-8")
    return parser


@pytest.mark.system
def test_systemd_takes_both_units_without_a_word(tmp_path: Path) -> None:
    for name in ["maitred.service", "maitred.socket"]:
        text = (UNITS / name).read_text(encoding="utf-8")
        # It checks that the program exists; a deployment's own does not, here.
        text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", text, flags=re.M)
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert run(program("systemd-analyze"), "verify", tmp_path / "maitred.service") == ""
    assert run(program("systemd-analyze"), "verify", tmp_path / "maitred.socket") == ""


@pytest.mark.system
def test_systemd_finds_the_service_well_locked_up() -> None:
    command = [program("systemd-analyze"), "security", "--offline=true", "--threshold=20"]
    run(*command, UNITS / "maitred.service")


def test_the_service_may_take_as_long_to_stop_as_it_drains() -> None:
    text = (UNITS / "maitred.service").read_text(encoding="utf-8")
    # The settings that go with the unit stand in its first comment.
    sample = tomllib.loads("\n".join(re.findall(r"^#     (.*)$", text, re.M)))
    drain = sample.get("drain-delay", 0) + sample["graceful-timeout"]
    assert int(unit("maitred.service")["Service"]["TimeoutStopSec"]) >= drain + 5
    assert sample["listen"] == ["fd://3"]


def test_a_mistake_in_the_settings_is_not_tried_again() -> None:
    assert unit("maitred.service")["Service"]["RestartPreventExitStatus"] == "2"


def test_the_service_is_started_with_its_socket() -> None:
    assert unit("maitred.service")["Unit"]["Requires"] == "maitred.socket"
    assert unit("maitred.service")["Install"]["Also"] == "maitred.socket"
    assert unit("maitred.socket")["Install"]["WantedBy"] == "sockets.target"
