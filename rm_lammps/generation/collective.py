"""Work on one rank or on all, so that an error of one ends all of them and none waits for ever."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from mpi4py import MPI

from rm_lammps.errors import UserError

_POLL_SECONDS = 0.05
_T = TypeVar("_T")


def on_root(comm: MPI.Intracomm, work: Callable[[], _T]) -> _T:
    """Do ``work`` on rank 0 and give its result, or its :class:`UserError`, to every rank.

    The others sleep meanwhile instead of spinning: rank 0 may be compiling.
    """
    result: Any = None
    if comm.rank == 0:
        try:
            result = work()
        except UserError as error:
            result = error
    wait(comm.Ibarrier())
    result = comm.bcast(result)
    if isinstance(result, UserError):
        raise result
    return result


def on_root_only(comm: MPI.Intracomm, work: Callable[[], _T]) -> _T | None:
    """Like :func:`on_root` for results that stay on rank 0; ``None`` on the others."""
    kept: list[_T] = []
    on_root(comm, lambda: kept.append(work()))
    return kept[0] if kept else None


def on_all(comm: MPI.Intracomm, work: Callable[[], _T]) -> _T:
    """Do ``work`` on every rank; where one raises a :class:`UserError`, every rank does."""
    result, error = None, None
    try:
        result = work()
    except UserError as raised:
        error = raised
    raise_together(comm, error)
    return result  # type: ignore[return-value]


def raise_together(comm: MPI.Intracomm, error: UserError | None) -> None:
    """Raise on every rank the error of the lowest rank that has one."""
    request = comm.Ibarrier()
    wait(request)
    first = comm.allreduce(comm.size if error is None else comm.rank, op=MPI.MIN)
    if first < comm.size:
        raise comm.bcast(error, root=first)


def wait(request: MPI.Request) -> None:
    """Wait without keeping a core busy."""
    while not request.Test():
        time.sleep(_POLL_SECONDS)
