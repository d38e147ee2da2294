"""Tests that the dependencies between crates are those of docs/architecture.md."""

from __future__ import annotations

import pathlib
import re
from typing import Any

import pytest

ARROWS = {
    "maitred-http-parser": set(),
    "maitred-wsgi-bridge": {"maitred-http-parser"},
    "maitred-config": set(),
    "maitred-server": {"maitred-http-parser", "maitred-config"},
    "maitred-cli": {
        "maitred-http-parser",
        "maitred-wsgi-bridge",
        "maitred-config",
        "maitred-server",
    },
}

NEVER = {
    "maitred-http-parser": {"tokio", "pyo3", "socket2", "libc", "tracing", "metrics"},
    "maitred-wsgi-bridge": {"tokio", "mio", "socket2"},
    "maitred-config": {"tokio", "pyo3", "socket2"},
    "maitred-server": {"pyo3"},
}
"""What a crate may not even reach through others, outside its tests."""


def direct(metadata: dict[str, Any], crate: str) -> set[str]:
    package = next(package for package in metadata["packages"] if package["name"] == crate)
    return {entry["name"] for entry in package["dependencies"] if entry["kind"] is None}


def reachable(metadata: dict[str, Any], crate: str) -> set[str]:
    names = {package["id"]: package["name"] for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    waiting = [identity for identity, name in names.items() if name == crate]
    seen: set[str] = set()
    while waiting:
        for dependency in nodes[waiting.pop()]["deps"]:
            normal = any(kind["kind"] is None for kind in dependency["dep_kinds"])
            if normal and dependency["pkg"] not in seen:
                seen.add(dependency["pkg"])
                waiting.append(dependency["pkg"])
    return {names[identity] for identity in seen}


def test_every_crate_of_the_workspace_has_its_arrows_drawn(metadata):
    members = {name.split("#")[-1].split("@")[0] for name in metadata["workspace_members"]}
    paths = {package["name"] for package in metadata["packages"] if package["source"] is None}
    assert paths == set(ARROWS), members


@pytest.mark.parametrize("crate", ARROWS)
def test_a_crate_knows_only_the_crates_its_arrows_point_to(metadata, crate):
    ours = {name for name in direct(metadata, crate) if name.startswith("maitred-")}
    assert ours <= ARROWS[crate]


@pytest.mark.parametrize("crate", NEVER)
def test_a_crate_does_not_reach_what_it_must_never_reach(metadata, crate):
    assert reachable(metadata, crate) & NEVER[crate] == set()


def test_only_the_composition_root_knows_both_server_and_application(metadata):
    both = {"maitred-server", "maitred-wsgi-bridge"}
    knowing = {crate for crate in ARROWS if both <= direct(metadata, crate)}
    assert knowing == {"maitred-cli"}


LAYERS = (
    "system",
    "board",
    "telemetry",
    "transport",
    "listen",
    "scheduling",
    "connection",
    "lifecycle",
    "admin",
    "supervisor",
)
"""The folders of the server, from the lowest up. Each imports only from those before it."""


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_of_the_server_imports_only_downwards(root, layer):
    source = root / "crates/server/src"
    assert {path.stem for path in source.iterdir()} == {"lib", *LAYERS}
    above = set(LAYERS[LAYERS.index(layer) + 1 :])
    for path in (source / layer).rglob("*.rs"):
        imported = set(re.findall(r"\bcrate::(\w+)", path.read_text()))
        assert imported & above == set(), path


BRIDGE = ("log", "interpreter", "error_stream", "response", "request", "worker", "application")
"""The folders and files of the bridge that import only from those before them."""


@pytest.mark.parametrize("layer", BRIDGE)
def test_a_layer_of_the_bridge_imports_only_downwards(root, layer):
    source = root / "crates/wsgi-bridge/src"
    tops = {path.stem for path in source.iterdir()} - {"lib", "bench_support"}
    assert tops == set(BRIDGE)
    above = set(BRIDGE[BRIDGE.index(layer) + 1 :])
    files = [source / f"{layer}.rs", *(source / layer).rglob("*.rs")]
    for path in filter(pathlib.Path.exists, files):
        imported = set(re.findall(r"\bcrate::(\w+)", path.read_text()))
        assert imported & above == set(), path


CLI = ("logging", "engine", "process", "python", "command")
"""The folders of the composition root, from the lowest up."""


@pytest.mark.parametrize("layer", CLI)
def test_a_layer_of_the_composition_root_imports_only_downwards(root, layer):
    source = root / "crates/cli/src"
    assert {path.stem for path in source.iterdir()} == {"lib", *CLI}
    above = set(CLI[CLI.index(layer) + 1 :])
    for path in (source / layer).rglob("*.rs"):
        imported = set(re.findall(r"\bcrate::(\w+)", path.read_text()))
        assert imported & above == set(), path


def test_every_crate_inherits_the_lints_of_the_workspace(root):
    for manifest in root.glob("crates/*/Cargo.toml"):
        assert "[lints]\nworkspace = true" in manifest.read_text(), manifest


def test_every_dependency_of_the_workspace_says_why_it_is_there(root):
    text = (root / "Cargo.toml").read_text()
    section = text.split("[workspace.dependencies]")[1].split("\n[")[0]
    for line in section.splitlines():
        if "=" in line and not line.startswith("#") and "path =" not in line:
            assert "#" in line, f"{line!r} does not say why"


def test_every_dependency_that_is_named_is_used(root, metadata):
    text = (root / "Cargo.toml").read_text()
    section = text.split("[workspace.dependencies]")[1].split("\n[")[0]
    named = {
        line.split("=")[0].strip()
        for line in section.splitlines()
        if "=" in line and not line.startswith("#")
    }
    ours = [package for package in metadata["packages"] if package["name"] in ARROWS]
    used = {entry["name"] for package in ours for entry in package["dependencies"]}
    assert named == used
