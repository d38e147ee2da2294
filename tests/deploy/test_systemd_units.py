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
@pytest.mark.parametrize("instance", ["", "@shop"])
def test_systemd_takes_each_pair_of_units_without_a_word(instance: str, tmp_path: Path) -> None:
    for kind in ["service", "socket"]:
        text = (UNITS / f"maitred{instance[:1]}.{kind}").read_text(encoding="utf-8")
        # It checks that the program exists; a deployment's own does not, here.
        text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", text, flags=re.M)
        (tmp_path / f"maitred{instance[:1]}.{kind}").write_text(text, encoding="utf-8")
    for kind in ["service", "socket"]:
        unit = tmp_path / f"maitred{instance}.{kind}"
        assert run(program("systemd-analyze"), "verify", unit) == ""


@pytest.mark.system
@pytest.mark.parametrize("name", ["maitred.service", "maitred@.service"])
def test_systemd_finds_the_service_well_locked_up(name: str) -> None:
    command = [program("systemd-analyze"), "security", "--offline=true", "--threshold=20"]
    run(*command, UNITS / name)


def test_nothing_that_two_instances_would_fight_over_is_left_in_the_template() -> None:
    for name in ["maitred@.service", "maitred@.socket"]:
        for key, value in [item for s in unit(name).values() for item in s.items()]:
            shared = ("/bin", "/run/maitred/%i", "/srv/%i", "maitred/%i", "maitred@%i")
            if "/" in value or "maitred" in value:
                assert any(part in value for part in shared), f"{key}={value}"


def test_starts_that_fail_are_tried_for_as_long_as_it_takes() -> None:
    # Otherwise, systemd gives up after five of them within ten seconds.
    assert unit("maitred.service")["Unit"]["StartLimitIntervalSec"] == "0"
    assert int(unit("maitred.service")["Service"]["RestartSec"]) >= 5


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
