"""Tests that the installed program accepts every settings file in `deploy/`."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from manifests import DEPLOY, KUBERNETES, tomllib
from server import command

FILES = sorted(DEPLOY.rglob("maitred.toml"))


def understood(file: Path) -> subprocess.CompletedProcess[str]:
    """Let the program read the file and show what it made of it."""
    return subprocess.run(
        command("config", "show", f"--config={file}"),
        cwd=file.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(DEPLOY)))
def test_each_file_is_understood_without_a_word(file: Path) -> None:
    shown = understood(file)
    assert shown.stderr == ""
    assert shown.returncode == 0


def in_bytes(size: str) -> int:
    """Return a size of Kubernetes (`4Gi`) or of the settings (`3GiB`) in bytes."""
    match = re.fullmatch(r"(\d+)([KMG])iB?", size)
    assert match, size
    return int(match[1]) << {"K": 10, "M": 20, "G": 30}[match[2]]


@pytest.mark.parametrize("folder", ["base", "examples/native-sidecar", "examples/proxy-sidecar"])
def test_files_of_clients_have_room_in_the_volume_and_memory_in_the_container(folder: str) -> None:
    settings = tomllib.loads((KUBERNETES / folder / "maitred.toml").read_text(encoding="utf-8"))
    (deployment,) = yaml.safe_load_all(
        (KUBERNETES / folder / "deployment.yaml").read_text(encoding="utf-8")
    )
    pod = deployment["spec"]["template"]["spec"]
    containers = [*pod["containers"], *pod.get("initContainers", [])]
    (limits,) = (each["resources"]["limits"] for each in containers if each["name"] == "maitred")
    (volume,) = (each for each in pod["volumes"] if each["name"] == "temporary")
    spool = in_bytes(settings["spool-limit"])
    assert spool <= in_bytes(volume["emptyDir"]["sizeLimit"]) * 3 // 4
    assert spool <= in_bytes(limits["ephemeral-storage"]) * 3 // 4
    # Beside what each connection may hold, and what the interpreter and the application take.
    clients = in_bytes(settings["client-memory-limit"]) + 48 * 1024 * settings["connection-limit"]
    assert clients <= in_bytes(limits["memory"]) // 2


def test_so_is_what_the_systemd_unit_recommends(tmp_path: Path) -> None:
    text = (DEPLOY / "systemd" / "maitred.service").read_text(encoding="utf-8")
    sample = tmp_path / "maitred.toml"
    sample.write_text("\n".join(re.findall(r"^#     (.*)$", text, re.M)), encoding="utf-8")
    shown = understood(sample)
    assert shown.stderr == ""
    assert shown.returncode == 0


def test_a_misspelt_setting_would_be_noticed(tmp_path: Path) -> None:
    text = FILES[0].read_text(encoding="utf-8").replace("listen", "lisen")
    sample = tmp_path / "maitred.toml"
    sample.write_text(text, encoding="utf-8")
    assert understood(sample).returncode == 2
