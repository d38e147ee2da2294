"""Whether threads share a GIL: what the server says of it is true, also if an import changes it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest
from admin import Admin
from client import Connection, request
from server import Server

HERE = Path(__file__).parent
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
WARNING = "the import of the module needs_gil, which does not declare .* PYTHON_GIL=0"

#: An extension module that does not declare that it can run without the GIL.
NEEDS_GIL = """
#include <Python.h>
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "needs_gil", NULL, 0, NULL};
PyMODINIT_FUNC PyInit_needs_gil(void) { return PyModuleDef_Init(&module); }
"""


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the extension module `needs_gil`."""
    folder = tmp_path_factory.mktemp("modules")
    source = folder / "needs_gil.c"
    source.write_text(NEEDS_GIL)
    compiler = shutil.which("cc") or pytest.fail("a C compiler is needed")
    include = sysconfig.get_paths()["include"]
    target = folder / f"needs_gil{sysconfig.get_config_var('EXT_SUFFIX')}"
    subprocess.run([compiler, "-shared", "-fPIC", f"-I{include}", source, "-o", target], check=True)
    return folder


PROCESSES = {
    "one process": [],
    "a supervisor and its worker": ["--supervisor=always"],
    "a supervisor and its preloaded worker": ["--supervisor=always", "--preload"],
}


@pytest.fixture(params=PROCESSES.values(), ids=PROCESSES.keys())
def serve(
    maitred: Callable[..., Server], modules: Path, request: pytest.FixtureRequest
) -> Callable[..., Server]:
    """Start a server of an application that may import `needs_gil`."""

    def start(**environment: str) -> Server:
        folders = os.pathsep.join([str(modules), os.environ.get("PYTHONPATH", "")])
        usual = {name: text for name, text in os.environ.items() if name != "PYTHON_GIL"}
        env = usual | {"PYTHONPATH": folders} | environment
        arguments = ["--admin-listen=127.0.0.1:0", *request.param]
        return maitred(*arguments, "gil_app:app", cwd=HERE, env=env)

    return start


def gil(server: Server) -> tuple[str, bool]:
    """What the status page says, and whether the metric says the same."""
    admin = Admin(server)
    told = admin.statusz()["interpreter"]["gil"]
    return told, f'gil="{told}"' in admin.ask("/metrics").body.decode()


def get(server: Server, path: str) -> None:
    with Connection(server.address) as connection:
        assert connection.ask(request(path)).body == b"imported"


def test_an_import_in_a_view_enables_the_gil_and_the_server_says_so(
    serve: Callable[..., Server],
) -> None:
    server = serve()
    get(server, "/")
    assert gil(server) == ("disabled" if FREE_THREADED else "enabled", True)
    assert (", free-threaded)" in server.log) == FREE_THREADED
    get(server, "/import")
    if FREE_THREADED:
        server.wait_for(WARNING)
    get(server, "/")
    assert gil(server) == ("enabled", True)
    assert server.log.count("has enabled the GIL") == FREE_THREADED


def test_an_import_of_the_application_enables_the_gil_before_the_server_says_that_it_serves(
    serve: Callable[..., Server],
) -> None:
    server = serve(AT_LOAD="yes")
    if FREE_THREADED:
        server.wait_for(WARNING)
    assert ", free-threaded)" not in server.log
    assert gil(server) == ("enabled", True)
    assert server.log.count("has enabled the GIL") == FREE_THREADED


def test_the_gil_stays_off_where_the_user_says_so(serve: Callable[..., Server]) -> None:
    server = serve(AT_LOAD="yes", PYTHON_GIL="0" if FREE_THREADED else "1")
    get(server, "/import")
    assert gil(server) == ("disabled" if FREE_THREADED else "enabled", True)
    assert "has enabled the GIL" not in server.log


def test_references_to_the_application_are_deferred_where_threads_share_no_gil(
    maitred: Callable[..., Server],
) -> None:
    server = maitred("deferred_app:app", cwd=HERE)
    with Connection(server.address) as connection:
        # The interpreter takes a request to defer them once, and only without a GIL.
        assert connection.ask(request("/")).body == f"0 {FREE_THREADED:d}".encode()
