"""Tests that the copies for Kustomize and Helm equal their originals."""

import sys

from manifests import DEPLOY, run


def test_every_copy_equals_its_original() -> None:
    # On failure it names the copies that differ; `python deploy/copies.py` writes them.
    run(sys.executable, DEPLOY / "copies.py", "--check")
