"""Tests of the Dockerfile."""

import re

from manifests import DEPLOY, tomllib

TEXT = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
STAGES = re.split(r"(?=^FROM )", TEXT, flags=re.M)[1:]


def test_it_runs_as_a_number_that_is_not_root() -> None:
    users = re.findall(r"^USER (.*)$", STAGES[-1], re.M)
    assert users == ["10001:10001"]


def test_nothing_of_the_build_is_in_it() -> None:
    assert "apt-get" not in STAGES[-1]
    assert "pip" not in re.sub(r"#.*", "", STAGES[-1])
    assert len(STAGES) >= 3


def test_the_wheel_is_built_by_the_interpreter_that_loads_it() -> None:
    bases = [re.match(r"FROM (\S+)", stage)[1] for stage in STAGES]  # type: ignore[index]
    assert len({base for base in bases if base.startswith("python:")}) == 1


def test_the_toolchain_has_the_name_that_rustup_knows_it_by() -> None:
    # Two numbers would name the image, too, but another toolchain, which it does not have.
    (version,) = re.findall(r"^ARG RUST=(.*)$", TEXT, re.M)
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert "RUSTUP_TOOLCHAIN=${RUST}" in TEXT
    assert "RUSTUP_AUTO_INSTALL=0" in TEXT


def test_no_variable_in_it_wins_against_a_mounted_file() -> None:
    names = set(re.findall(r"\b(MAITRED_\w+)=", TEXT))
    assert names == {"MAITRED_CONFIG"}


def test_its_settings_say_where_probes_are_answered_and_log_json() -> None:
    said = tomllib.loads((DEPLOY / "docker" / "maitred.toml").read_text(encoding="utf-8"))
    exposed = re.findall(r"^EXPOSE (.*)$", STAGES[-1], re.M)[0].split()
    assert said["listen"][0].rpartition(":")[2] in exposed
    assert said["admin-listen"].rpartition(":")[2] in exposed
    assert said["log-format"] == "json"


def test_its_health_is_asked_by_the_program_itself() -> None:
    # There is no curl in it, and the settings say where to ask.
    assert re.findall(r"^HEALTHCHECK .*CMD (.*)$", STAGES[-1], re.M) == ['["maitred", "health"]']


def test_process_one_is_the_server_itself() -> None:
    # A shell in between would not pass SIGTERM on.
    assert 'ENTRYPOINT ["maitred"]' in STAGES[-1]
