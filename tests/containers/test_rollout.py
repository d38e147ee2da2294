"""Test of a rollout: one pod takes the place of another behind nginx, and no request fails."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from manifests import DEPLOY, KUBERNETES, Objects
from podman import HTTP, Address, Container, address_of, new_name, podman, tried, until
from pods import Pod, overlay

pytestmark = pytest.mark.containers

CLIENTS = 8

#: How many requests each state of the rollout gets at least.
ANSWERS = 200

IMAGES = {"maitred": "localhost/shop"}
SETTINGS = {
    'app = "maitred.demo:app"': 'app = "shop.wsgi:application"',
    # So that a machine which is busy with other things takes the old pod out of nginx in time, too.
    "drain-delay = 5": "drain-delay = 20",
}


class Balancer:
    """nginx with the sample of `deploy/`, which sends to the pods that it is told of."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = new_name("nginx")

    def start(self, pods: list[Pod]) -> Address:
        """Start it, and wait until it answers."""
        self._write(pods)
        how = ("--detach", f"--name={self.name}")
        where = f"--volume={self.folder}:/srv/nginx:ro"
        command = ("nginx", "-c", "/srv/nginx/nginx.conf", "-g", "daemon off;")
        podman("run", *how, where, sample_image(), *command)
        front = Address(address_of(self.name))
        log = Container(self.name, front.host)
        until(lambda: front.probe("/", 80) == 200, lambda: log.log)
        return front

    def send_to(self, pods: list[Pod]) -> None:
        """Tell it of other pods, as whoever watches their readiness does."""
        self._write(pods)
        podman("exec", self.name, "nginx", "-c", "/srv/nginx/nginx.conf", "-s", "reload")

    def _write(self, pods: list[Pod]) -> None:
        text = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
        servers = "\n".join(f"        server {pod.host}:{HTTP};" for pod in pods)
        for old, new in {
            "        server 127.0.0.1:8000;": servers,
            "proxy_pass http://maitred_socket;": "proxy_pass http://maitred_tcp;\n"
            # nginx would hide a failure by asking the other pod.
            "            proxy_next_upstream off;",
        }.items():
            assert old in text, f"nginx.conf has no `{old}` any more"
            text = text.replace(old, new)
        (self.folder / "nginx.conf").write_text(text, encoding="utf-8")


def sample_image() -> str:
    """The image of nginx that the manifests name."""
    text = (KUBERNETES / "examples/proxy-sidecar/deployment.yaml").read_text(encoding="utf-8")
    (image,) = re.findall(r"image: (nginx:\S+)", text)
    return f"docker.io/library/{image}"


class Load:
    """Clients that ask again and again, each time on a new connection, until they shall end."""

    def __init__(self, front: Address) -> None:
        self.front = front
        self.answers: Counter[str] = Counter()
        self.failures: list[str] = []
        self._ended = threading.Event()
        self._changed = threading.Condition()
        self._clients = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]
        for client in self._clients:
            client.start()

    def _ask(self) -> None:
        while not self._ended.is_set():
            try:
                who = self.front.facts(port=80)["host"]
            except (OSError, AssertionError, ValueError) as failure:
                with self._changed:
                    self.failures.append(repr(failure))
            else:
                with self._changed:
                    self.answers[who] += 1
                    self._changed.notify_all()

    def more(self, host: str, count: int = ANSWERS) -> None:
        """Wait until a pod has answered so many more requests."""
        with self._changed:
            wanted = self.answers[host] + count
            came = self._changed.wait_for(lambda: self.answers[host] >= wanted, timeout=120)
        assert came, (self.answers, self.failures[:10])

    def end(self) -> None:
        """Let every client get its last answer."""
        self._ended.set()
        for client in self._clients:
            client.join()


@pytest.fixture
def balancer(tmp_path: Path) -> Iterator[Balancer]:
    """Return a load balancer that ends with the test."""
    folder = tmp_path / "nginx"
    folder.mkdir()
    balancer = Balancer(folder)
    yield balancer
    tried("rm", "--force", "--time=0", balancer.name)


def test_a_pod_takes_the_place_of_another_without_a_failed_request(
    pod: Callable[[Objects], Pod], balancer: Balancer, tmp_path: Path
) -> None:
    base = KUBERNETES / "base"
    old = pod(overlay(tmp_path / "old", base, IMAGES, SETTINGS))
    load = Load(balancer.start([old]))
    try:
        load.more(old.name)
        # A changed ConfigMap is a rollout: a new pod is ready before the old one goes.
        new = pod(
            overlay(tmp_path / "new", base, IMAGES, {**SETTINGS, "threads = 8": "threads = 4"})
        )
        balancer.send_to([old, new])
        load.more(new.name)
        load.more(old.name)
        stopping = old.container("maitred").being_stopped()
        # It is not ready from now on, and whoever watches that takes it out. It answers until then.
        until(lambda: old.probe("/readyz") == 503, lambda: old.container("maitred").log)
        balancer.send_to([new])
        assert stopping.wait() == 0
        load.more(new.name)
    finally:
        load.end()
    assert load.failures == []
    assert old.container("maitred").status == 0
    assert load.answers.keys() == {old.name, new.name}
    assert new.stop() == {"maitred": 0}
