"""Replaces ``waitress.runner``."""

from maitred.runner import run

__all__ = ["run"]
