"""Comparing runs, starting and killing them."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import ase.io
import numpy as np
import pytest

from rm_lammps.ranks import environment_for_mpirun

QUICK = ("--model", "diamond", "--formula", "C8", "--preset", "quick")


def frames_of(folder):
    return ase.io.read(folder / "structures.extxyz", ":", parallel=False)


def same_structures(a, b):
    assert [x.info["seed"] for x in a] == [x.info["seed"] for x in b]
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(x.positions, y.positions, atol=1e-6)
        np.testing.assert_allclose(x.cell, y.cell, atol=1e-6)
        assert x.get_potential_energy() == pytest.approx(y.get_potential_energy(), abs=1e-8)


def recorded_seeds(folder: Path) -> list[int]:
    """Seeds of all complete records, in no order."""
    return [
        int(line[9 : line.index(",")])
        for shard in (folder / "records").glob("*.jsonl")
        for line in shard.open(errors="replace")
        if line.startswith('{"seed"') and line.endswith('"}\n')
    ]


def start(*command: object, ranks: int = 2) -> subprocess.Popen:
    """Start a command under mpirun."""
    words = ["mpirun", "-n", str(ranks), *map(str, command)]
    return subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment_for_mpirun(),
    )


def children(pid: int) -> list[int]:
    """Processes below a process, nearest first."""
    below: list[int] = []
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            nearest = [int(word) for word in tasks.read_text().split()]
        except OSError:
            continue
        below += nearest
        for child in nearest:
            below += children(child)
    return below


def ranks_of(process: subprocess.Popen) -> list[int]:
    """Processes of the ranks of an mpirun."""

    def is_rank(pid: int) -> bool:
        try:
            return b"python" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]
        except OSError:
            return False

    return [pid for pid in children(process.pid) if is_rank(pid)]


def wait_until_gone(pids: list[int]) -> None:
    for pid in pids:
        while alive(pid):
            time.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def patched(tmp_path: Path, patch: str) -> tuple[str, Path]:
    """A command that is rm-generate with a fault put into it.

    The patch may use ``rank`` and ``LammpsSession``.
    """
    script = tmp_path / "faulty.py"
    script.write_text(
        "from mpi4py import MPI\n"
        "from rm_lammps.relaxation.session import LammpsSession\n"
        "from rm_lammps.cli.generate import main\n"
        "rank = MPI.COMM_WORLD.rank\n"
        f"{patch}\n"
        "main()\n"
    )
    return sys.executable, script


@pytest.fixture(scope="session")
def tools():
    """The functions of this file."""
    return sys.modules[__name__]
