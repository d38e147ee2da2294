"""Tests of the live page in a real browser, with JavaScript and without."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import pytest
from chromium import LOOKS, Chromium, Look
from client import PATIENCE_SECONDS, Connection, request

pytestmark = pytest.mark.system

AXE = Path(__file__).resolve().parents[2] / ".cache/browser/node_modules/axe-core/axe.min.js"

STREAMS = 8
"""The most streams of events."""


def text(chromium: Chromium, selector: str = "body") -> str:
    """What stands in an element."""
    return chromium.driver.find_element("css selector", selector).text


def until(chromium: Chromium, selector: str, part: str) -> None:
    """Wait until an element says something."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while part not in (said := text(chromium, selector)):
        assert time.monotonic() < deadline, f"never {part!r}, but {said!r}"
        time.sleep(0.05)


def faults(chromium: Chromium) -> list[str]:
    """What keeps somebody from reading the page, and is serious."""
    chromium.driver.execute_script(AXE.read_text())
    found = chromium.driver.execute_async_script(
        "const done = arguments[0];"
        "axe.run(document).then((it) => done(it.violations), (it) => done([String(it)]))"
    )
    serious = [it for it in found if it["impact"] in {"serious", "critical"}]
    return [f"{it['id']}: {it['help']}: {it['nodes'][0]['html']}" for it in serious]


def test_it_follows_the_server_and_nothing_on_it_is_refused(chromium, watched):
    chromium.open(watched.url)
    until(chromium, "#live", "live")
    until(chromium, "#threads", "4 threads of 4 are idle.")
    watched.wait_in("/wait/for-it?secret")
    until(chromium, "#threads", "GET /wait/for-it")
    until(chromium, "#threads", "3 threads of 4 are idle.")
    assert "secret" not in chromium.driver.page_source
    with watched.server.connect() as connection:
        connection.send(request("/fail"))
        assert connection.read().status == 500
    until(chromium, "#failures", "exception of the application")
    assert chromium.messages() == []


def test_a_click_on_a_thread_shows_its_stack(chromium, watched):
    watched.wait_in("/wait")
    chromium.open(watched.url)
    until(chromium, "#live", "live")
    until(chromium, "#threads", "GET /wait")
    chromium.driver.execute_script("document.querySelector('[data-stack]').click()")
    until(chromium, "#stack", "gate.recv(1)")
    assert "GET /wait" in text(chromium, "#stack-title")
    assert faults(chromium) == []
    chromium.driver.find_element("css selector", "#stack button").click()
    assert not chromium.driver.find_element("css selector", "#stack").is_displayed()
    assert chromium.messages() == []


def test_without_a_script_it_is_a_page_with_tables_and_plots_and_stacks(chromium, watched):
    watched.wait_in("/wait")
    chromium.open(watched.url, Look(script=False))
    assert "GET /wait" in text(chromium, "#threads table")
    assert len(chromium.driver.find_elements("css selector", "#plots svg")) == 6
    assert text(chromium, "#live") == ""
    link = chromium.driver.find_element("css selector", "#threads table a")
    chromium.open(link.get_attribute("href"), Look(script=False))
    assert "gate.recv(1)" in text(chromium, "#threads pre")


def test_what_a_client_sends_is_text(chromium, watched):
    watched.wait_in("/wait/<img/src=x/onerror=document.title='taken'>")
    for script in (True, False):
        for query in ("", "?stacks=1"):
            chromium.open(f"{watched.url}/{query}", Look(script=script))
            assert "<img/src=x/onerror=" in text(chromium, "#threads")
            assert chromium.driver.find_elements("css selector", "img") == []
            assert chromium.driver.title == "Maitred"


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
def test_every_look_fits_its_width_and_has_no_serious_fault(chromium, watched, look):
    watched.wait_in("/wait/" + "a-path-that-is-longer-than-a-phone-is-wide" * 3)
    chromium.open(watched.url, look)
    if look.script:
        until(chromium, "#live", "live")
    width = chromium.driver.execute_script("return document.documentElement.scrollWidth")
    assert width <= look.width
    if look.script:  # without which axe does not run, either
        assert faults(chromium) == []


def test_a_page_beyond_the_last_stream_says_that_it_is_not_live(chromium, watched):
    with contextlib.ExitStack() as streams:
        for _ in range(STREAMS):
            stream = streams.enter_context(Connection(watched.admin))
            stream.send(request("/events", host="localhost"))
            assert stream.read_head().status == 200
        chromium.open(watched.url)
        until(chromium, "#live", "not live")
        assert "Ready" in text(chromium, "h1")
    until(chromium, "#live", "live")
