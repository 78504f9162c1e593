"""Hand out seeds to ranks, without a master.

The next seed is a number in memory that every rank reads and increments in one atomic operation
(MPI one-sided communication). A fast rank takes more seeds than a slow one, and every rank relaxes.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from mpi4py import MPI

_NEXT, _CONVERGED, _FAILED = range(3)


class SeedCounter:
    """Shared counters on rank 0 of a communicator: next seed, converged, failed.

    Args:
        comm: every rank of it takes part in construction and ``close``.
    """

    def __init__(self, comm: MPI.Intracomm) -> None:
        n_bytes = 3 * MPI.INT64_T.Get_size() if comm.rank == 0 else 0
        self._window = MPI.Win.Allocate(n_bytes, MPI.INT64_T.Get_size(), comm=comm)
        if comm.rank == 0:
            np.asarray(self._window.tomemory())[:] = 0
        comm.Barrier()
        self._window.Lock_all()

    def take(self, seeds: Sequence[int]) -> Iterator[int]:
        """Yield seeds that no other rank gets, in ascending order, until there are none left."""
        while (position := self._add(_NEXT, 1)) < len(seeds):
            yield seeds[position]

    def report(self, *, converged: bool) -> None:
        """Count a finished seed."""
        self._add(_CONVERGED if converged else _FAILED, 1)

    def totals(self) -> tuple[int, int]:
        """Seeds converged and failed so far, on all ranks."""
        return self._add(_CONVERGED, 0), self._add(_FAILED, 0)

    def _add(self, counter: int, amount: int) -> int:
        """Add to a counter; returns its value before."""
        before = np.empty(1, dtype=np.int64)
        self._window.Fetch_and_op(
            np.array([amount], dtype=np.int64), before, 0, counter, op=MPI.SUM
        )
        self._window.Flush(0)
        return int(before[0])

    def close(self) -> None:
        """Free the window; waits for every rank."""
        self._window.Unlock_all()
        self._window.Free()
