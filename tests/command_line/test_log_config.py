"""Tests of `log-config`: a dictionary for Python's `logging.config`, as TOML or JSON."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import requests

APP = """
import logging, sys
logging.getLogger("shop").debug("being imported")

class Loud(logging.Formatter):
    def format(self, record):
        return record.getMessage().upper()

def app(environ, start_response):
    logging.getLogger("shop").info("tea was sold")
    start_response("200 OK", [("Content-Length", "0")])
    return [b""]
"""

TOML = """
version = 1
disable_existing_loggers = false

[formatters.loud]
"()" = "formats.Loud"

[handlers.console]
class = "logging.StreamHandler"
formatter = "loud"

[loggers.shop]
level = "DEBUG"
handlers = ["console"]
"""

AS_JSON = {
    "version": 1,
    "formatters": {"loud": {"()": "formats.Loud"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "loud"}},
    "loggers": {"shop": {"level": "DEBUG", "handlers": ["console"]}},
}


@pytest.fixture
def shop(project):
    """Return the folder of an application and of what its configuration names."""
    formats = APP[APP.index("class Loud") : APP.index("def app")]
    return project({"src/shop.py": APP, "src/formats.py": f"import logging\n\n{formats}"})


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("name", ["logging.toml", "logging.json"])
def test_logging_is_configured_before_the_application_is_imported(maitred, shop, name, workers):
    (shop / name).write_text(TOML if name.endswith("toml") else json.dumps(AS_JSON))
    options = (f"--log-config={name}", f"--workers={workers}", "--chdir=src")
    server = maitred(*options, "shop:app", cwd=shop)
    assert requests.get(server.url, timeout=60).status_code == 200
    assert server.stop() == 0
    assert server.log.count("BEING IMPORTED\n") == workers
    assert server.log.count("TEA WAS SOLD\n") == 1


def test_levels_alone_leave_the_format_to_the_server(maitred, shop):
    (shop / "log.toml").write_text('version = 1\nloggers.shop.level = "INFO"\n')
    options = ("--log-config=log.toml", "--log-format=json", "--chdir=src")
    server = maitred(*options, "shop:app", cwd=shop)
    assert requests.get(server.url, timeout=60).status_code == 200
    assert server.stop() == 0
    records = [json.loads(line) for line in server.log.splitlines()]
    (sold,) = [record for record in records if record["message"] == "tea was sold"]
    assert (sold["logger"], sold["level"]) == ("shop", "info")


@pytest.mark.parametrize(
    ("name", "text", "place", "message"),
    [
        ("log.toml", "version = 1\n[handlers\n", "log.toml:2:", "not TOML: "),
        ("log.json", '{"version": 1,\n "root": }', "log.json:2:10", "not JSON: "),
        (
            "log.toml",
            'version = 1\n[handlers.file]\nclass = "shop.Missing"\n',
            "log.toml:2:11",
            "Unable to configure handler 'file'",
        ),
        (
            "log.json",
            '{"version": 1,\n "loggers": {\n  "shop": {"level": "LOUD"}}}',
            "log.json:3:3",
            "Unable to configure logger 'shop': Unknown level: 'LOUD'",
        ),
        (
            "log.toml",
            'version = 1\n[root]\nhandlers = ["missing"]\n',
            "log.toml:2:2",
            "Unable to configure root logger",
        ),
        ("log.toml", "root = {}\n", "log.toml:1:1", "version"),
    ],
)
@pytest.mark.parametrize("form", ["text", "json"])
def test_a_mistake_is_told_with_its_file_and_line(run, shop, name, text, place, message, form):
    (shop / name).write_text(text)
    options = (f"--log-config={name}", f"--log-format={form}", "--chdir=src")
    ended = run("--listen=127.0.0.1:0", *options, "shop:app", cwd=shop)
    assert ended.returncode in (1, 2)
    assert f"{shop}/{place}" in ended.stderr
    if form == "json":
        (record,) = map(json.loads, ended.stderr.splitlines())
        assert message in record["message"]
        assert record["origin"].startswith(f"{shop}/{place}")
    else:
        assert message in ended.stderr
    checked = run("check", *options, "shop:app", cwd=shop)
    assert checked.returncode in (1, 2)
    assert place in checked.stderr


def test_a_file_that_is_not_there_is_told(run, shop):
    ended = run("--log-config=no.toml", "--chdir=src", "shop:app", cwd=shop)
    assert ended.returncode == 2
    assert f"cannot read `{shop}/no.toml` of `log-config`: " in ended.stderr


def test_a_program_that_embeds_the_server_can_name_a_file_too(shop):
    (shop / "right.toml").write_text(TOML)
    (shop / "wrong.toml").write_text('version = 1\n[root]\nlevel = "LOUD"\n')
    program = """
import maitred, sys
sys.path.append("src")
try:
    maitred.create_server(print, port=0, log_config="wrong.toml")
except ValueError as error:
    print(error, file=sys.stderr)
maitred.create_server(print, port=0, log_config="right.toml")
import shop
"""
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=shop,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    refused, logged = ended.stderr.splitlines()
    assert "Unable to configure root logger" in refused
    assert f"({shop}/wrong.toml:2:2)" in refused
    assert logged == "BEING IMPORTED"
