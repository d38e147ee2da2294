"""Containers and pods that end with the test that started them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from manifests import Objects
from pipe import Gate
from podman import NETWORK, Container, address_of, inspected, new_name, podman, tried
from pods import HANDLED, IGNORED, OUTSIDE, REWRITTEN, Folders, Pod, pod_for_podman, template_of

Start = Callable[..., Container]


@pytest.fixture
def container() -> Iterator[Start]:
    """Start an image with podman's options and the image's arguments, and wait until it is ready.

    ``container("--memory=256m", image="shop", arguments=["--threads=2"])``. As the manifests have
    it: the root is read-only, /tmp may be written, and there are no capabilities.
    """
    started: list[str] = []

    def start(*options: str, image: str = "shop", arguments: tuple[str, ...] = ()) -> Container:
        name = new_name("container")
        started.append(name)
        locked = ("--read-only", "--tmpfs=/tmp", "--cap-drop=all")
        locked += ("--security-opt=no-new-privileges",)
        where = ("run", "--detach", f"--name={name}")
        podman(*where, *locked, *options, f"localhost/{image}", *arguments)
        running = Container(name, address_of(name))
        running.wait_until_ready()
        return running

    yield start
    for name in started:
        sys.stdout.write(f"{name}:\n{Container(name, '').log}\n")  # shown with a test that failed
        tried("rm", "--force", "--time=0", name)


@pytest.fixture
def pod(tmp_path: Path) -> Iterator[Callable[[Objects], Pod]]:
    """Start the pod of rendered manifests, and wait until the kubelet would call it ready."""
    started: list[tuple[str, Folders]] = []

    def start(objects: Objects) -> Pod:
        template = template_of(objects)
        name = new_name("pod")
        folder = tmp_path / name
        folder.mkdir()
        folders = Folders(folder, template["spec"]["securityContext"]["fsGroup"])
        started.append((name, folders))
        documents = pod_for_podman(objects, name, folders)
        podman(
            "play",
            "kube",
            f"--network={NETWORK}",
            "-",
            stdin="\n---\n".join(map(json.dumps, documents)),
        )
        running = Pod(name, template)
        running.container("maitred").wait_until_ready()
        return running

    yield start
    for name, folders in started:
        for container in inspected("pod", name)["Containers"]:
            sys.stdout.write(f"{container['Name']}:\n{Container(container['Name'], '').log}\n")
        tried("pod", "rm", "--force", "--time=0", name)
        for volume in podman("volume", "ls", "--quiet", f"--filter=name={name}").split():
            tried("volume", "rm", "--force", volume)
        folders.remove()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List what the pods that were run did not have of their manifests, and why."""
    ran = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    if not any("containers/test_pods.py" in report.nodeid for report in ran):
        return
    terminalreporter.section("pods of podman")
    for what in (REWRITTEN, OUTSIDE, IGNORED):
        terminalreporter.write_line(f"{what}:")
        for pattern, handled in HANDLED.items():
            if handled == what:
                field = pattern.replace("\\", "").replace(".*", "")
                terminalreporter.write_line(f"    {field}")


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    """Return the gate at which `/wait` of the test application waits."""
    folder = tmp_path / "gate"
    folder.mkdir()
    return Gate(folder)
