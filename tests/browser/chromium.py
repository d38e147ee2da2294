"""Debian's Chromium, as a test or a picture needs it."""

from __future__ import annotations

import base64
import io
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Look:
    """How a page is looked at."""

    width: int = 1440
    scheme: str = "light"
    script: bool = True

    @property
    def name(self) -> str:
        """Its name in the name of a picture."""
        return f"{self.width}-{self.scheme}{'' if self.script else '-without-script'}"


LOOKS = [
    Look(width, scheme, script)
    for width in (360, 1440)
    for scheme in ("light", "dark")
    for script in (True, False)
]
"""A phone and a desktop, light and dark, with JavaScript and without."""


class Chromium:
    """A browser of its own, without a window."""

    def __init__(self) -> None:
        # Only here, because the tests that need no browser are collected without it.
        from selenium import webdriver
        from selenium.webdriver.chrome.options import Options
        from selenium.webdriver.chrome.service import Service

        options = Options()
        options.binary_location = "/usr/bin/chromium"
        options.add_argument("--headless=new")
        options.add_argument("--disable-gpu")
        options.add_argument("--hide-scrollbars")
        if os.geteuid() == 0:
            options.add_argument("--no-sandbox")  # root may not use it
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options, Service("/usr/bin/chromedriver"))

    def close(self) -> None:
        """End it."""
        self.driver.quit()

    def open(self, url: str, look: Look | None = None) -> None:
        """Load a page."""
        look = look or Look()
        tell = self.driver.execute_cdp_cmd
        tell(
            "Emulation.setDeviceMetricsOverride",
            {"width": look.width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
        )
        feature = {"name": "prefers-color-scheme", "value": look.scheme}
        tell("Emulation.setEmulatedMedia", {"features": [feature]})
        tell("Emulation.setScriptExecutionDisabled", {"value": not look.script})
        # What the last page had to say about its end is not about this one.
        self.driver.get("about:blank")
        self.messages()
        self.driver.get(url)

    def picture(self, path: Path) -> None:
        """Take a picture of the whole page, as tall as it is."""
        from PIL import Image

        tell = self.driver.execute_cdp_cmd
        size = tell("Page.getLayoutMetrics", {})["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        how = {"format": "png", "captureBeyondViewport": True, "clip": clip}
        taken = io.BytesIO(base64.b64decode(tell("Page.captureScreenshot", how)["data"]))
        # A page has few colours: with a palette of them, the picture is a third as large.
        picture = Image.open(taken).convert("RGB")
        few = picture.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=3)
        few.save(path, optimize=True)

    def messages(self) -> list[str]:
        """What stands in the console: mistakes of a script, and what the policy has refused."""
        return [entry["message"] for entry in self.driver.get_log("browser")]
