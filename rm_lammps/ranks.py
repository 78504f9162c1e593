"""The same code on one process and on the ranks of an MPI communicator; imports no MPI itself."""

import os
import time
from collections.abc import Callable, Sequence
from platform import node
from typing import Any, Protocol, TypeVar

from rm_lammps.errors import UserError
from rm_lammps.progress import follow

_S = TypeVar("_S")
_T = TypeVar("_T")

_LONGEST_SLEEP = 0.05
_LAUNCHERS = ("PMI_SIZE", "PMIX_RANK", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE")
"""Set by the launchers of MPICH and its relatives, PMIx, Open MPI and MVAPICH."""
_COUNTS = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE")
"""How many processes they started."""
_OF_LAUNCHERS = ("PMI", "HYDI", "MPI_", "OMPI", "MV2")
"""How the names of all their variables begin; those of MPICH's settings begin with MPIR, MPICH."""


class Communicator(Protocol):
    """What is needed of ``mpi4py.MPI.Comm``."""

    @property
    def rank(self) -> int:
        """Number of this process."""

    @property
    def size(self) -> int:
        """Number of processes."""

    def allgather(self, sendobj: Any) -> list[Any]:
        """Each rank's object, in order of rank, on every rank."""

    def Ibarrier(self) -> Any:  # noqa: N802, the name of mpi4py
        """Begin to meet all ranks."""


class OneProcess:
    """Stands in for a communicator where there is no MPI."""

    rank = 0
    size = 1

    def allgather(self, sendobj: Any) -> list[Any]:
        """The one object there is."""
        return [sendobj]

    def Ibarrier(self) -> "OneProcess":  # noqa: N802
        """There is nobody to wait for."""
        return self

    def Test(self) -> bool:  # noqa: N802
        """Whether all are there."""
        return True


def launched_ranks() -> Communicator:
    """All ranks if an MPI launcher started this process, else this process alone.

    MPI is initialised only under a launcher: on the login nodes of some clusters it can't be.
    """
    if not any(name in os.environ for name in _LAUNCHERS):
        return OneProcess()
    from mpi4py import MPI

    return MPI.COMM_WORLD


def check_launcher(comm: Communicator) -> None:
    """Check that the processes that a launcher started know of each other.

    Raises:
        UserError: they are of another MPI than the launcher: each would do all the work.
    """
    if comm.size > 1:
        return
    counts = [os.environ.get(name, "") for name in _COUNTS]
    # Slurm's own count says something only where no other launcher stands between
    if not any(counts):
        counts = [os.environ.get("SLURM_STEP_NUM_TASKS", "")]
    started = next((int(text) for text in counts if text.isdecimal()), 1)
    if started > 1:
        raise UserError(
            f"{started} processes were started, but each is alone: the launcher belongs to another "
            "MPI than mpi4py.",
            "Use the mpirun of this environment (rm-doctor names it), or srun --mpi=pmi2.",
        )


def environment_for_mpirun() -> dict[str, str]:
    """This process's environment without a launcher's variables.

    An ``mpirun`` that inherits them counts its ranks among those of the launch it belongs to.
    """
    return {name: value for name, value in os.environ.items() if not name.startswith(_OF_LAUNCHERS)}


def meet(comm: Communicator) -> None:
    """Wait for all ranks without keeping a core busy: one of them may be compiling for minutes."""
    request, seconds = comm.Ibarrier(), 1e-4
    while not request.Test():
        time.sleep(seconds)
        seconds = min(2 * seconds, _LONGEST_SLEEP)


def gather(comm: Communicator, work: Callable[[], _T]) -> list[_T]:
    """Do ``work`` on every rank and give every rank all results, in order of rank.

    An exception on one rank is raised on all of them, so none is left waiting.
    """
    result: _T | None = None
    problem: Exception | None = None
    try:
        result = work()
    except Exception as error:
        problem = error
    meet(comm)
    everyone = comm.allgather((result, problem))
    for _, theirs in everyone:
        if theirs is not None:
            raise theirs
    return [value for value, _ in everyone]


def share_out(
    comm: Communicator, items: Sequence[_S], work: Callable[[_S], _T], unit: str | None = None
) -> list[_T]:
    """Do ``work`` on every item, each on one rank, and give every rank all results in order.

    An exception on one rank is raised on all of them.

    Args:
        comm: called on every rank of it, with the same items.
        items: in turns for the ranks.
        work: what to do with one.
        unit: what is counted where rank 0 shows how far it has come; ``None`` shows nothing.
    """
    mine = items[comm.rank :: comm.size]
    shown = unit is not None and comm.rank == 0
    parts = gather(comm, lambda: [work(item) for item in follow(mine, unit or "", shown=shown)])
    return [parts[n % comm.size][n // comm.size] for n in range(len(items))]


def on_root(comm: Communicator, work: Callable[[], _T]) -> _T:
    """Do ``work`` on rank 0; its result, or its exception, reaches every rank."""
    return gather(comm, lambda: work() if comm.rank == 0 else None)[0]  # type: ignore[return-value]


def on_all(comm: Communicator, work: Callable[[], _T]) -> _T:
    """Do ``work`` on every rank, each of which keeps its result; an exception reaches all."""
    kept: list[_T] = []
    gather(comm, lambda: kept.append(work()))
    return kept[0]


def on_root_only(comm: Communicator, work: Callable[[], _T]) -> _T | None:
    """Like :func:`on_root` for results that stay on rank 0; ``None`` on the others."""
    return on_all(comm, lambda: work() if comm.rank == 0 else None)


def on_each_node(comm: Communicator, work: Callable[[], object]) -> None:
    """Do ``work`` on one rank of each node; an exception reaches every rank."""
    names = gather(comm, node)
    first = names.index(names[comm.rank]) == comm.rank
    on_all(comm, lambda: work() if first else None)


def raise_together(comm: Communicator, error: Exception | None) -> None:
    """Raise on every rank the error of the lowest rank that has one."""

    def work() -> None:
        if error is not None:
            raise error

    gather(comm, work)
