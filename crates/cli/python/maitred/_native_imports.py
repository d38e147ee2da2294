"""Names the modules that the native module imports, for tools that pack programs.

PyInstaller and its like find out what a program needs by the import statements in its bytecode, and
cannot look into a native module. So these statements stand here, where nobody executes them. A test
compares them with the source of the native module.
"""

from __future__ import annotations

import sys


def imported_by_the_native_module() -> None:
    """Do nothing but import. Never called."""
    import ast
    import asyncio
    import atexit
    import difflib
    import errno
    import faulthandler
    import inspect
    import io
    import json
    import logging
    import os
    import platform
    import signal
    import socket
    import subprocess
    import threading
    import traceback

    import maitred._code_report
    import maitred._deploy
    import maitred._exit
    import maitred._gunicorn_conf
    import maitred._hooks
    import maitred._logging
    import maitred._preload
    import maitred._project
    import maitred.management.static_files

    if sys.platform == "win32":
        import msvcrt
