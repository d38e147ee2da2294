"""Tests that the policy of the live page allows its own style and script, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import re


def test_the_policy_has_the_hashes_of_style_and_script(root):
    page = root / "crates/server/src/admin/page"
    policy = (page / "mod.rs").read_text()
    for directive, name in (("style-src", "page.css"), ("script-src", "page.js")):
        digest = hashlib.sha256((page / name).read_bytes()).digest()
        said = re.search(rf"{directive} '(sha256-[^']+)'", policy)[1]
        assert said == f"sha256-{base64.b64encode(digest).decode()}", f"{name} has changed"


def test_the_page_loads_nothing_from_elsewhere(root):
    page = root / "crates/server/src/admin/page"
    for name in ("page.html", "page.css", "page.js"):
        text = (page / name).read_text()
        for outside in ("http:", "https:", "@import", "url("):
            assert outside not in text, (name, outside)
    # A policy with hashes allows no attribute with a style or a script.
    rust = "".join(path.read_text() for path in page.glob("*.rs"))
    assert " style=" not in (page / "page.html").read_text() + rust
