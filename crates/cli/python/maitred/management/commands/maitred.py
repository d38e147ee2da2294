"""``manage.py maitred [OPTIONS]``: serve the project's ``WSGI_APPLICATION``.

For projects with ``"maitred"`` in ``INSTALLED_APPS``. It accepts every option of the program
``maitred``, and the options that Django handles before it loads the settings.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any, ClassVar

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from maitred._native import run


class Command(BaseCommand):
    """The command."""

    help = "Serves the project in production; takes every option of the program `maitred`."
    requires_system_checks: ClassVar[list[str]] = []

    def run_from_argv(self, argv: list[str]) -> None:
        """Pass the options on unchanged, because Django's parser does not know them."""
        django = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
        django.add_argument("--settings")
        django.add_argument("--pythonpath")
        _, options = django.parse_known_args(argv[2:])
        try:
            status = self._serve(options)
        except CommandError as error:  # as Django shows one
            self.stderr.write(f"{type(error).__name__}: {error}")
            status = error.returncode
        sys.exit(status)

    def handle(self, *args: str, **options: Any) -> None:
        """Serve with default settings, for ``call_command("maitred")``."""
        del args, options
        status = self._serve([])
        if status:
            raise CommandError(f"maitred ended with status {status}", returncode=status)

    def _serve(self, options: list[str]) -> int:
        if not settings.WSGI_APPLICATION:
            raise CommandError("WSGI_APPLICATION is not set")
        module, _, attribute = settings.WSGI_APPLICATION.rpartition(".")
        return run(["manage.py maitred", *options, f"{module}:{attribute}"])
