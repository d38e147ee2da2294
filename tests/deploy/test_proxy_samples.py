"""Tests that nginx, HAProxy, Envoy and Caddy accept their sample files."""

import os
import re
from pathlib import Path

import pytest
from manifests import DEPLOY, KUBERNETES, program, run

pytestmark = pytest.mark.system


def test_nginx_takes_its_sample(tmp_path: Path) -> None:
    text = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    # `-t` opens what it names, so the places of a system become those of the test; and the user
    # is only looked at by a master that may change to it.
    for folder in ["/run", "/var/log/nginx", "/var/lib/nginx"]:
        text = text.replace(f" {folder}/", f" {tmp_path}/")
    if os.geteuid() != 0:
        text = text.replace("user www-data;\n", "")
        text = re.sub(r"listen (\[::\]:)?80;", "listen unix:nginx.sock;", text)
    sample = tmp_path / "nginx.conf"
    sample.write_text(text, encoding="utf-8")
    said = run(program("nginx"), "-t", "-c", sample, "-p", tmp_path)
    assert "warn" not in said


@pytest.mark.parametrize(
    ("sample", "both"),
    [
        ("nginx.conf", ["listen 80;", "listen [::]:80;"]),
        ("kubernetes/examples/proxy-sidecar/nginx.conf", ["listen 8080;", "listen [::]:8080;"]),
        ("haproxy.cfg", ["bind :80", "bind :::80 v6only"]),
        ("envoy.yaml", ["{address: 0.0.0.0, port_value: 80}", '{address: "::", port_value: 80}']),
    ],
)
def test_each_sample_listens_on_both_families(sample: str, both: list[str]) -> None:
    text = (DEPLOY / sample).read_text(encoding="utf-8")
    assert [line for line in both if line not in text] == []


def test_what_nginx_keeps_open_fits_on_a_machine_with_many_cpus() -> None:
    text = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    assert "worker_processes auto;" in text
    (limit,) = map(int, re.findall(r"--connection-limit=(\d+)", text))
    kept = max(map(int, re.findall(r"keepalive (\d+);", text)))
    # On 16 CPUs, which leaves half of them for requests in flight.
    assert 16 * kept <= 0.6 * limit


def test_nginx_takes_the_sidecars_configuration(tmp_path: Path) -> None:
    text = (KUBERNETES / "examples/proxy-sidecar/nginx.conf").read_text(encoding="utf-8")
    sample = tmp_path / "nginx.conf"
    sample.write_text(text.replace(" /tmp/", f" {tmp_path}/"), encoding="utf-8")
    said = run(program("nginx"), "-t", "-c", sample, "-p", tmp_path)
    assert "warn" not in said


def test_haproxy_takes_its_sample() -> None:
    said = run(program("haproxy"), "-c", "-f", DEPLOY / "haproxy.cfg")
    assert "WARNING" not in said


def test_envoy_takes_its_sample() -> None:
    said = run(program("envoy"), "--mode", "validate", "-c", DEPLOY / "envoy.yaml")
    assert "warning" not in said


def test_caddy_takes_its_sample() -> None:
    sample = DEPLOY / "Caddyfile"
    run(program("caddy"), "validate", "--adapter", "caddyfile", "--config", sample)
    # It says nothing if the file is as it would write it.
    assert run(program("caddy"), "fmt", "--diff", sample).count("\n+") == 0
