"""``manage.py maitred [--dev] [OPTIONS]``: serve the project's ``WSGI_APPLICATION``.

For projects with ``"maitred"`` in ``INSTALLED_APPS``. It accepts every option of the program
``maitred``, and the options that all commands of Django have.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.core.management.base import CommandError
from django.core.management.color import color_style, no_style

import maitred
from maitred._native import run

if TYPE_CHECKING:

    class BaseCommand:
        """What is used of Django's class, which has no types."""

        style: Any
        stdout: Any
        stderr: Any

else:
    from django.core.management.base import BaseCommand

LOG_LEVELS = {0: "warning", 2: "debug", 3: "debug"}
"""What a verbosity means, but for the normal one."""


class Command(BaseCommand):
    """The command."""

    help = "Serves the project; takes every option of the program `maitred`."
    requires_system_checks: ClassVar[list[str]] = []

    def get_version(self) -> str:
        """Return the version of Maitred, as ``--version`` tells it."""
        return maitred.__version__

    def run_from_argv(self, argv: list[str]) -> None:
        """Take the options of Django, and pass the others on, which its parser does not know."""
        django, options = options_of_django().parse_known_args(argv[2:])
        if django.no_color or django.force_color:
            self.style: Any = no_style() if django.no_color else color_style(force_color=True)
            self.stderr.style_func = self.style.ERROR
        if django.help:
            self.print_help(argv[0], argv[1])
            return
        level = LOG_LEVELS.get(django.verbosity)
        if level and not any(
            option.startswith(("--log-level", "--log_level")) for option in options
        ):
            options = [f"--log-level={level}", *options]
        if django.dev:
            options = ["dev", *options]
        try:
            status = self._serve(options)
        except CommandError as error:
            if django.traceback:
                raise
            self.stderr.write(f"{type(error).__name__}: {error}")  # as Django shows one
            status = error.returncode
        sys.exit(status)

    def print_help(self, prog_name: str, subcommand: str) -> None:
        """Print the options of ``maitred``, and then Django's; also for ``manage.py help``."""
        run([f"{prog_name} {subcommand}", "--help"])
        self.stdout.write(f"\n{options_of_django().format_help()}", ending="")

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
        argv = ["manage.py maitred", *options, f"{module}:{attribute}"]
        return run(argv, application_from="Django's setting WSGI_APPLICATION")


def options_of_django() -> argparse.ArgumentParser:
    """Return a parser of what every command of Django accepts; ``--version`` is ours."""
    parser = argparse.ArgumentParser(usage=argparse.SUPPRESS, add_help=False, allow_abbrev=False)
    group = parser.add_argument_group("Django")
    group.add_argument(
        "--dev",
        action="store_true",
        help="serve while you write: reload changed code, show tracebacks, serve static files",
    )
    group.add_argument("-h", "--help", action="store_true", help="show this help")
    group.add_argument(
        "-v",
        "--verbosity",
        type=int,
        choices=range(4),
        default=1,
        help="0 logs warnings only, 2 and 3 log everything, unless --log-level is given",
    )
    group.add_argument(
        "--settings", help="the module of settings, instead of DJANGO_SETTINGS_MODULE"
    )
    group.add_argument("--pythonpath", help="a directory to import from, before all others")
    group.add_argument(
        "--traceback", action="store_true", help="show where an error of the command was raised"
    )
    colour = group.add_mutually_exclusive_group()
    colour.add_argument(
        "--no-color", action="store_true", help="do not colour errors of the command"
    )
    colour.add_argument("--force-color", action="store_true", help="colour errors of the command")
    group.add_argument(
        "--skip-checks", action="store_true", help="accepted: no system checks are run in any case"
    )
    return parser
