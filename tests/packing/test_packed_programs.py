"""Tests of programs that are packed with what they need: each answers a request."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipapp
from pathlib import Path

import maitred
import pytest
from ports import free_port

pytestmark = pytest.mark.system

PROGRAM = Path(__file__).with_name("program.py")


def run(*command: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
        cwd=folder,
        # Nothing of this interpreter's packages, and a place of its own to unpack.
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def check(*command: str | Path, folder: Path) -> None:
    """Run the packed program in each of its ways with one process."""
    told = "200 /packed\nHTTP Error 500: Internal Server Error\n"
    assert run(*command, folder=folder).stdout == told
    assert run(*command, "waitress", folder=folder).stdout == told
    check_serving(*command, "command-line", folder=folder)


def check_serving(*command: str | Path, folder: Path) -> None:
    """Run the packed program in a way in which it serves until a signal."""
    lines = run(*command, str(free_port()), folder=folder).stdout.splitlines()
    assert sorted(lines) == ["0", "200 /packed"]


def check_refusal_of_workers(program: Path, folder: Path) -> None:
    """Ask a program for several processes that has no interpreter to start them with."""
    refused = run(program, "workers", str(free_port()), folder=folder)
    assert refused.stdout == "2\n"
    assert "`workers` needs worker processes, and a packed program has no" in refused.stderr
    assert "command line: --workers" in refused.stderr


@pytest.fixture
def packages(tmp_path):
    """Return a folder with the program, and with the package as it is installed."""
    folder = tmp_path / "packages"
    folder.mkdir()
    installed = Path(maitred.__file__).parent
    shutil.copytree(installed, folder / "maitred")
    for found in installed.parent.glob("maitred-*.dist-info"):
        shutil.copytree(found, folder / found.name)
    shutil.copy(PROGRAM, folder)
    return folder


def test_a_program_of_pyinstaller_answers(tmp_path):
    pyinstaller = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level=ERROR"]
    run(*pyinstaller, "--onedir", "--name=shop", PROGRAM, folder=tmp_path)
    check(tmp_path / "dist/shop/shop", folder=tmp_path)
    check_refusal_of_workers(tmp_path / "dist/shop/shop", tmp_path)


def test_a_program_of_pyinstaller_in_one_file_answers(tmp_path):
    pyinstaller = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level=ERROR"]
    run(*pyinstaller, "--onefile", "--name=shop", PROGRAM, folder=tmp_path)
    check(tmp_path / "dist/shop", folder=tmp_path)
    check_refusal_of_workers(tmp_path / "dist/shop", tmp_path)


def test_a_zipapp_beside_the_package_answers(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    shutil.copy(PROGRAM, source)
    (source / "__main__.py").write_text("import maitred.runner, program\nprogram.main()\n")
    zipapp.create_archive(source, tmp_path / "shop.pyz")
    check(sys.executable, tmp_path / "shop.pyz", folder=tmp_path)
    check_serving(sys.executable, tmp_path / "shop.pyz", "workers", folder=tmp_path)


def test_a_program_of_shiv_answers(tmp_path, packages):
    (packages / "start.py").write_text("import maitred.runner, program\nmain = program.main\n")
    shiv = [sys.executable, "-m", "shiv", "--site-packages", packages]
    run(*shiv, "-e", "start:main", "-o", tmp_path / "shop.pyz", folder=tmp_path)
    check(sys.executable, "-I", tmp_path / "shop.pyz", folder=tmp_path)
    check_serving(sys.executable, "-I", tmp_path / "shop.pyz", "workers", folder=tmp_path)


def test_a_program_of_pex_answers(tmp_path, packages):
    (packages / "start.py").write_text("import maitred.runner, program\nprogram.main()\n")
    pex = [sys.executable, "-m", "pex", "-D", packages, "-m", "start"]
    run(*pex, "-o", tmp_path / "shop.pex", folder=tmp_path)
    check(sys.executable, "-I", tmp_path / "shop.pex", folder=tmp_path)
    check_serving(sys.executable, "-I", tmp_path / "shop.pex", "workers", folder=tmp_path)
