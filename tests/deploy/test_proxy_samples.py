"""Tests that nginx, HAProxy and Envoy accept their sample files."""

import os
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
        text = text.replace("user www-data;\n", "").replace("listen 80;", "listen 127.0.0.1:0;")
    sample = tmp_path / "nginx.conf"
    sample.write_text(text, encoding="utf-8")
    said = run(program("nginx"), "-t", "-c", sample, "-p", tmp_path)
    assert "warn" not in said


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
