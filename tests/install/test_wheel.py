"""The wheel generates without torch, compiler, writable folders, or its owner's rights."""

import json
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path

import pytest

from rm_lammps.ranks import environment_for_mpirun

OPTIONAL = (
    *("torch", "nequip", "allegro", "lightning", "pyxtal", "cmake", "ninja"),
    *("chemiscope", "rdkit", "posebusters", "tblite", "smact", "chgnet"),
)
# neither can the packages be imported, nor are they listed as installed
PROGRAM = f"""
import sys
from importlib.metadata import Distribution, PackageNotFoundError
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {OPTIONAL}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Missing())
find = Distribution.from_name.__func__
def installed(cls, name):
    if name in {(*OPTIONAL, "nequip-allegro")}:
        raise PackageNotFoundError(name)
    return find(cls, name)
Distribution.from_name = classmethod(installed)
command = sys.argv.pop(1)
import importlib
import rm_lammps
assert rm_lammps.__file__.startswith(sys.argv.pop(1)), rm_lammps.__file__
importlib.import_module("rm_lammps.cli." + command).main()
"""
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


@pytest.fixture(scope="module")
def programs():
    """All programs of the environment but those that build; where every user can look."""
    with tempfile.TemporaryDirectory(prefix="rm_lammps-programs-") as name:
        folder = Path(name)
        for program in Path(sys.prefix, "bin").iterdir():
            if program.name not in {"cmake", "ninja"}:
                (folder / program.name).symlink_to(program)
        folder.chmod(0o755)
        yield folder


@pytest.fixture
def bare(installation, programs):
    """Run a command of the wheel as on a node with nothing but Python, LAMMPS and MPI."""
    environment = {
        **{name: value for name, value in environment_for_mpirun().items() if name != "CXX"},
        "PATH": str(programs),
        "PYTHONPATH": str(installation),
        "PYTHONDONTWRITEBYTECODE": "1",
        "RM_LAMMPS_CACHE": "/proc/nowhere",
        "OMP_NUM_THREADS": "1",
    }
    environment.pop("RM_LAMMPS_GRAPHS", None)

    def run(command, *arguments, ranks=1, user=(), python=sys.executable, check=True, **more):
        words = [*user, "mpirun", "-n", str(ranks), python, "-c", PROGRAM]
        words += [command, str(installation), *map(str, arguments)]
        words[0] = shutil.which(words[0]) or words[0]
        done = subprocess.run(
            words,
            env={**environment, **more},
            cwd=installation,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    return run


def seeds(folder, number=4):
    return ["--model", "diamond", "--formula", "C8", "--num", number, "--out", folder]


def energies(folder):
    text = (folder / "structures.extxyz").read_text()
    return [float(word[2:]) for word in text.split() if word.startswith("E=")]


def test_it_holds_a_kernel_for_each_kind_of_cpu(wheel):
    names = {Path(name).name for name in zipfile.ZipFile(wheel).namelist()}
    assert {"allegroplugin.so", "liballegro_core.so", "liballegro_fixes.so"} <= names
    assert "liballegro_graphs.so" not in names
    assert "none-any" not in wheel.name
    if platform.machine() == "x86_64":
        assert {f"liballegro_kernel_x86-64-v{n}.so" for n in (2, 3, 4)} <= names


def test_its_libraries_need_no_others(wheel, tmp_path):
    if shutil.which("readelf") is None:
        pytest.skip("no readelf")
    with zipfile.ZipFile(wheel) as archive:
        libraries = [name for name in archive.namelist() if name.endswith(".so")]
        archive.extractall(tmp_path, libraries)
    needed = subprocess.run(
        ["readelf", "-d", *libraries], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    found = {line.split("[")[1].rstrip("]") for line in needed.splitlines() if "(NEEDED)" in line}
    system = {"libc.so.6", "libm.so.6", "libdl.so.2", "libgcc_s.so.1", "libstdc++.so.6"}
    assert found <= system | {"libpthread.so.0", "ld-linux-x86-64.so.2"}


@pytest.mark.parametrize("cpu", ["", "x86-64-v2", "x86-64-v3"])
def test_generation_from_a_bare_installation(cpu, bare, tmp_path):
    """Two ranks, nothing that can be written but the results, CPUs of several ages."""
    if cpu and platform.machine() != "x86_64":
        pytest.skip("kinds of x86")
    bare("generate", *seeds(tmp_path / "out"), ranks=2, RM_LAMMPS_CPU=cpu)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["attempted"] == 4
    assert summary["converged"] >= 3


def python_for_all(path):
    """A Python of this version that nobody may run, with the environment's packages."""
    code = (
        f"import sys; assert sys.version_info[:2] == {sys.version_info[:2]}; import numpy, mpi4py"
    )
    for python in (sys.executable, f"/usr/bin/python3.{sys.version_info[1]}"):
        # env, as setpriv itself may still do what root may
        can = [*NOBODY, "env", f"PYTHONPATH={path}", python, "-c", code]
        if subprocess.run(can, capture_output=True, check=False).returncode == 0:
            return python
    pytest.skip("no Python here is for all users")


def test_generation_by_another_user(bare, installation):
    """Who may write nothing of the package, and has no home."""
    if os.getuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("only root can become another user")
    path = f"{installation}:{sysconfig.get_paths()['purelib']}"
    python = python_for_all(path)
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        # another Python finds MPI by its path alone
        mpi = str(Path(sys.prefix) / "lib")
        more = {"HOME": "/nonexistent", "PYTHONPATH": path, "LD_LIBRARY_PATH": mpi}
        bare("generate", *seeds(Path(name) / "out"), user=NOBODY, python=python, **more)
        assert (Path(name) / "out" / "structures.extxyz").stat().st_uid == 65534


def test_doctor_is_ready_for_generation(bare):
    done = bare("doctor")
    last = done.stdout.splitlines()[-1]
    assert last.startswith("Ready for: generation and analysis, several ranks. Not for: training")
    assert "warn C++ compiler" in done.stdout
    assert "warn cache" in done.stdout


@pytest.mark.parametrize(
    ("command", "arguments", "extra"),
    [
        ("train", ["diamond", "--data", "x.cif", "--out", "{tmp}/m"], "train"),
        ("deploy", ["diamond", "--graph", "--out", "{tmp}/b"], "train"),
        ("generate", ["--model", "diamond", "--formula", "C8", "--device", "cuda"], "train"),
        ("report", ["{tmp}/run"], "report"),
    ],
)
def test_what_is_missing_is_named(command, arguments, extra, bare, tmp_path):
    if command == "report":
        bare("generate", *seeds(tmp_path / "run", 1))
    words = [word.format(tmp=tmp_path) for word in arguments]
    if command == "generate":
        words += ["--out", tmp_path / "out"]
    done = bare(command, *words, check=False, RM_LAMMPS_CACHE=str(tmp_path / "cache"))
    assert done.returncode == 2, done.stdout + done.stderr
    assert f"pip install 'rm_lammps[{extra}]'" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
