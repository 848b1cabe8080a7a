"""`scripts/demo.sh` on machines that lack this or that: a PATH of its own, no network."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the scripts are bash")

SCRIPTS = Path(__file__).parents[2] / "scripts"
TOOLS = ["bash", "basename", "cat", "chmod", "dirname", "grep", "mkdir", "rm", "sed", "sleep"]
TOOLS += ["tail", "touch", "uname"]

# Installs nothing, tells what it was asked for, and makes the command that demo.sh starts.
PIP = """
import pathlib, sys
if "install" in sys.argv:
    with open("pip.log", "a") as log:
        print(*sys.argv[1:], file=log)
    command = pathlib.Path(".venv/bin/napari-stem")
    command.write_text("#!/bin/sh\\necho shown: $*\\n")
    command.chmod(0o755)
"""

PYTHON = f"""
case "$*" in
    "-m venv .venv")
        echo "$0" >>pythons.log
        mkdir -p .venv/bin
        if [ -e hang ]; then touch .venv/bin/python; sleep 60; fi
        {sys.executable} -m venv --without-pip .venv
        for site in .venv/lib/python*/site-packages; do mkdir "$site/pip"; done
        cat pip.py >"$site/pip/__main__.py" ;;
    "-c import ensurepip, venv") [ ! -e no-ensurepip ] ;;
    *) exec {sys.executable} "$@" ;;
esac
"""

OLD_PYTHON = '[ "$*" = --version ] && echo Python 3.10.12'

UV = f"""
case "$*" in
    "pip install --help") echo "--group" ;;
    venv*) {sys.executable} -m venv --without-pip .venv ;&
    *) echo "$*" >>uv.log; printf '#!/bin/sh\\n' >.venv/bin/napari-stem
       chmod +x .venv/bin/napari-stem ;;
esac
"""


class Machine:
    """A checkout, and the commands that are found beside it."""

    def __init__(self, folder: Path) -> None:
        self.project = folder / "project"
        shutil.copytree(SCRIPTS, self.project / "scripts")
        (self.project / "pyproject.toml").write_text('requires-python = ">=3.11,<3.14"\n')
        (self.project / "pip.py").write_text(PIP)
        self._bin = folder / "bin"
        self._bin.mkdir()
        for tool in TOOLS:
            (self._bin / tool).symlink_to(str(shutil.which(tool)))
        self.command("id", "echo 1000")

    def command(self, name: str, body: str) -> Path:
        path = self._bin / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!{shutil.which('bash')}\n{body}\n")
        path.chmod(0o755)
        return path

    def start(self, **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["bash", "scripts/demo.sh", "--no-view"],
            cwd=self.project,
            env={"PATH": str(self._bin), **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def demo(self, **variables: str) -> str:
        """What a demo prints that works."""
        process = self.start(**variables)
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0, output
        return output

    def failed_demo(self, **variables: str) -> str:
        """What a demo prints that cannot go on."""
        process = self.start(**variables)
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 1, output
        assert "command not found" not in output
        return output

    def log(self, name: str) -> str:
        path = self.project / f"{name}.log"
        return path.read_text() if path.exists() else ""


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """One with a Python and none of Debian's commands."""
    machine = Machine(tmp_path)
    machine.command("python3", PYTHON)
    return machine


@pytest.fixture
def debian(machine: Machine) -> Machine:
    """One where no system package is installed, seen by root."""
    machine.command("id", "echo 0")
    machine.command("dpkg-query", "exit 1")
    machine.command("apt-cache", "exit 0")
    machine.command("apt-get", 'echo "$*" >>apt.log; [[ $* != *-venv ]] || rm no-ensurepip')
    return machine


def make_old(machine: Machine) -> None:
    for version in ("python3", "python3.11"):
        machine.command(version, OLD_PYTHON)


def test_a_second_run_installs_nothing(machine: Machine) -> None:
    first, second = machine.demo(), machine.demo()
    assert "7 GB" in first or sys.platform != "linux"
    assert second == "shown: demo --no-view\n"
    assert machine.log("pip").count("--editable .[all]") == 1


def test_a_changed_list_of_dependencies_is_installed(machine: Machine) -> None:
    machine.demo()
    later = time.time() + 60
    os.utime(machine.project / "pyproject.toml", (later, later))
    machine.demo()
    assert machine.log("pip").count("--editable .[all]") == 2


def test_an_environment_that_was_killed_midway_is_made_again(machine: Machine) -> None:
    hang = machine.project / "hang"
    hang.touch()
    process = machine.start()
    while not (machine.project / ".venv/bin/python").exists():
        assert process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    hang.unlink()
    assert machine.demo().endswith("shown: demo --no-view\n")


def test_an_environment_without_pip_is_made_again(machine: Machine) -> None:
    machine.command("../project/.venv/bin/python", "exit 1")
    assert machine.demo().endswith("shown: demo --no-view\n")


def test_a_half_installed_package_is_installed_again(machine: Machine) -> None:
    machine.demo()
    (site,) = (machine.project / ".venv/lib").glob("python*/site-packages")
    info = site / "torch-2.7.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: torch\nVersion: 2.7\n")
    (info / "RECORD").write_text("torch/__init__.py,,\n")
    assert "Repairing torch-2.7" in machine.demo()
    assert machine.log("pip").count("--editable .[all]") == 2
    assert not info.exists()


def test_pytorch_without_cuda_comes_from_its_own_index(machine: Machine) -> None:
    assert "7 GB" not in machine.demo(TORCH="cpu")
    index = "https://download.pytorch.org/whl/cpu"
    assert f"torch torchvision --index-url {index}" in machine.log("pip")


@pytest.mark.parametrize("variable", ["VIRTUAL_ENV", "CONDA_PREFIX"])
def test_the_python_of_an_activated_environment_comes_first(
    machine: Machine, variable: str
) -> None:
    python = machine.command("../mine/bin/python", PYTHON)
    machine.demo(**{variable: str(python.parents[1])})
    assert machine.log("pythons").endswith("mine/bin/python\n")


def test_an_activated_python_that_is_too_old_is_passed_over(machine: Machine) -> None:
    python = machine.command("../mine/bin/python", OLD_PYTHON)
    machine.demo(VIRTUAL_ENV=str(python.parents[1]))
    assert machine.log("pythons").endswith("bin/python3\n")


def test_a_python_that_was_asked_for_must_fit(machine: Machine) -> None:
    old = machine.command("old", OLD_PYTHON)
    assert f"PYTHON={old} is not Python >=3.11,<3.14." in machine.failed_demo(PYTHON=str(old))


def test_where_a_newer_python_comes_from_is_said(machine: Machine) -> None:
    make_old(machine)
    output = machine.failed_demo()
    assert "Python >=3.11,<3.14 is needed; here is Python 3.10.12." in output
    assert "deadsnakes" in output
    assert "https://docs.astral.sh/uv" in output
    assert not (machine.project / ".venv").exists()


def test_root_gets_the_missing_half_of_venv(debian: Machine) -> None:
    (debian.project / "no-ensurepip").touch()
    assert debian.demo().endswith("shown: demo --no-view\n")
    version = "python{}.{}".format(*sys.version_info)
    assert f"install -y --no-install-recommends {version}-venv\n" in debian.log("apt")


def test_others_are_told_how_to_get_the_missing_half_of_venv(debian: Machine) -> None:
    debian.command("id", "echo 1000")
    (debian.project / "no-ensurepip").touch()
    version = "python{}.{}".format(*sys.version_info)
    assert f"sudo apt-get install {version}-venv" in debian.failed_demo()
    assert not (debian.project / ".venv").exists()


def test_uv_is_used_where_it_is(machine: Machine) -> None:
    make_old(machine)
    machine.command("uv", UV)
    machine.demo()
    made, installed = machine.log("uv").splitlines()
    assert made.endswith("--python >=3.11,<3.14 .venv")
    assert installed.endswith("--python .venv/bin/python --editable .[all]")
    assert not machine.log("pip")


@pytest.mark.parametrize("known", ["libglib2.0-0", "libglib2.0-0t64"])
def test_system_packages_go_by_the_names_of_the_release(debian: Machine, known: str) -> None:
    debian.command("apt-cache", f'[ "$3" != {known} ] || echo Package: {known}')
    debian.demo()
    assert f" {known} " in debian.log("apt")
    assert debian.log("apt").count("libglib") == 1


def test_missing_system_packages_are_named_to_those_who_cannot_install_them(
    debian: Machine,
) -> None:
    debian.command("id", "echo 1000")
    assert "sudo apt-get install libegl1 libgl1 " in debian.demo()
    assert not debian.log("apt")


def test_notes_of_apt_are_shown_only_if_it_fails(debian: Machine) -> None:
    debian.command("apt-get", "echo debconf: delaying configuration >&2")
    assert "debconf" not in debian.demo()
    debian.command("apt-get", "echo E: Unable to locate package >&2; exit 100")
    assert "E: Unable to locate package" in debian.failed_demo()
