"""Tests that nginx, Apache, Caddy and Prometheus accept what pages show of their languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from blocks import PAGES, Block, blocks
from manifests import program, run

pytestmark = pytest.mark.system


def in_language(language: str) -> list[Block]:
    """Return every block of a language."""
    found = [b for page in PAGES for b in blocks(page) if b.language == language]
    assert found
    return found


def certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate and its key."""
    pair = folder / "cert.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-subj", "/CN=localhost", "-out", str(pair[0]), "-keyout", str(pair[1])]
    run(*command)
    return pair


@pytest.mark.parametrize("block", in_language("nginx"), ids=str)
def test_nginx_takes_each_block(block: Block, tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    text = block.text
    if text.startswith("location"):
        text = f"server {{\n{text}\n}}"
    text = re.sub(r"ssl_certificate_key .*;", f"ssl_certificate_key {key};", text)
    text = re.sub(r"ssl_certificate  .*;", f"ssl_certificate {cert};", text)
    # nginx before 1.25, as Debian 12 has it, says it with `listen`.
    text = text.replace("    http2 on;\n", "")
    # A test opens what it names, and may not be root.
    text = re.sub(r"listen (?:\[::\]:)?\d+", f"listen unix:{tmp_path}/nginx.sock", text, count=1)
    text = re.sub(r"\n    listen (?:\[::\]:)?\d+.*;", "", text)
    (tmp_path / "maitred.conf").write_text("proxy_http_version 1.1;\n", encoding="utf-8")
    (tmp_path / "nginx.conf").write_text(
        f"pid {tmp_path}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n"
        f"client_body_temp_path {tmp_path}/body;\nproxy_temp_path {tmp_path}/proxy;\n"
        f"fastcgi_temp_path {tmp_path}/f;\nuwsgi_temp_path {tmp_path}/u;\n"
        f"scgi_temp_path {tmp_path}/s;\n{text}\n}}\n",
        encoding="utf-8",
    )
    run(program("nginx"), "-t", "-c", tmp_path / "nginx.conf", "-p", tmp_path)


@pytest.mark.parametrize("block", in_language("apache"), ids=str)
def test_apache_takes_each_block(block: Block, tmp_path: Path) -> None:
    modules = ["mpm_event", "authz_core", "proxy", "proxy_http", "headers"]
    (tmp_path / "httpd.conf").write_text(
        f"ServerName localhost\nServerRoot {tmp_path}\nErrorLog {tmp_path}/error.log\n"
        + "".join(f"LoadModule {m}_module /usr/lib/apache2/modules/mod_{m}.so\n" for m in modules)
        # What was there before is for mod_wsgi, which this is about leaving.
        + block.text.partition("# after")[2].partition("\n")[2],
        encoding="utf-8",
    )
    assert run(program("apache2"), "-t", "-f", tmp_path / "httpd.conf") == "Syntax OK\n"


@pytest.mark.parametrize("block", in_language("caddyfile"), ids=str)
def test_caddy_takes_each_block(block: Block, tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    text = block.text.replace("localhost.pem", str(cert)).replace("localhost-key.pem", str(key))
    (tmp_path / "Caddyfile").write_text(text, encoding="utf-8")
    command = [program("caddy"), "validate", "--adapter", "caddyfile", "--config"]
    run(*command, tmp_path / "Caddyfile", cwd=tmp_path)


def test_prometheus_takes_each_expression() -> None:
    rules = [
        {"record": f"page:expression:{number}", "expr": block.text}
        for number, block in enumerate(in_language("promql"))
    ]
    groups = {"groups": [{"name": "pages", "rules": rules}]}
    run(program("promtool"), "check", "rules", "/dev/stdin", stdin=yaml.safe_dump(groups))
