import sys

import pytest

from rm_lammps.errors import UserError
from rm_lammps.ranks import (
    OneProcess,
    environment_for_mpirun,
    on_all,
    on_root,
    on_root_only,
    raise_together,
)

SCRIPT = """
import os
import sys
from rm_lammps.errors import UserError
from rm_lammps.ranks import (
    gather, launched_ranks, on_all, on_each_node, on_root, on_root_only, raise_together, share_out
)

assert "mpi4py" not in sys.modules
comm = launched_ranks()

def fail_on(rank):
    if comm.rank == rank:
        raise UserError(f"no place on {rank}", "Make some.")
    return lambda: None  # can't be sent

assert gather(comm, lambda: comm.rank) == [0, 1, 2]
assert share_out(comm, range(7), lambda n: (n, comm.rank)) == [(n, n % 3) for n in range(7)]
assert share_out(comm, [], fail_on) == []
assert on_root(comm, lambda: comm.rank) == 0
assert (on_root_only(comm, lambda: lambda: None) is None) == (comm.rank > 0)
assert callable(on_all(comm, lambda: fail_on(7)))
looked = []
on_each_node(comm, lambda: looked.append(comm.rank))
assert looked == ([0] if comm.rank == 0 else [])
for attempt in (
    lambda: on_all(comm, lambda: fail_on(1)),
    lambda: on_root(comm, lambda: fail_on(0)),
    lambda: share_out(comm, [3, 4, 5], lambda n: n == 4 and fail_on(comm.rank)),
    lambda: raise_together(comm, UserError("no place on 2") if comm.rank == 2 else None),
):
    try:
        attempt()
    except UserError as error:
        # in one piece: print's pieces mix with those of other ranks
        os.write(1, f"{comm.rank} {error.problem}\\n".encode())
"""


def test_an_error_of_one_rank_reaches_all(run):
    lines = run(sys.executable, "-c", SCRIPT, ranks=3).stdout.splitlines()
    expected = [f"{rank} no place on {where}" for rank in range(3) for where in (1, 0, 1, 2)]
    assert sorted(lines) == sorted(expected)


def test_one_process_needs_no_mpi():
    alone = OneProcess()
    assert on_root(alone, lambda: 3) == on_all(alone, lambda: 3) == on_root_only(alone, lambda: 3)
    raise_together(alone, None)
    with pytest.raises(UserError, match="full"):
        raise_together(alone, UserError("full"))


def test_an_mpirun_inherits_settings_and_no_launch(monkeypatch):
    launch = ("PMI_RANK", "MPI_LOCALRANKID", "OMPI_COMM_WORLD_SIZE")
    settings = ("MPIR_CVAR_CH4_PROGRESS_THROTTLE", "MPICH_GPU_SUPPORT_ENABLED")
    for name in (*launch, *settings):
        monkeypatch.setenv(name, "1")
    inherited = environment_for_mpirun()
    assert not set(launch) & set(inherited)
    assert set(settings) <= set(inherited)
