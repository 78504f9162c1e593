"""Hand out seeds to ranks, without a master.

The next chunk is a number in memory that every rank reads and increments in one atomic operation
(MPI one-sided communication). A fast rank takes more seeds than a slow one, and every rank relaxes.
"""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from mpi4py import MPI

from rm_lammps.progress import counting
from rm_lammps.ranks import Communicator, gather, share_out

_S = TypeVar("_S")
_T = TypeVar("_T")

_NEXT, _CONVERGED, _FAILED, _STOP = range(4)
_SECONDS_BETWEEN_POLLS = 2.0
_PROGRESS_SECONDS = 0.002


class SharedCounters:
    """Counters on rank 0 of a communicator: next chunk, converged, failed, and whether to stop.

    Args:
        comm: every rank of it takes part in construction and ``close``.
    """

    def __init__(self, comm: MPI.Intracomm) -> None:
        n_bytes = 4 * MPI.INT64_T.Get_size() if comm.rank == 0 else 0
        self._window = MPI.Win.Allocate(n_bytes, MPI.INT64_T.Get_size(), comm=comm)
        if comm.rank == 0:
            np.asarray(self._window.tomemory()).view(np.int64)[:] = 0
        comm.Barrier()
        self._window.Lock_all()
        self._unreported = {_CONVERGED: 0, _FAILED: 0}
        self._polled = time.monotonic()
        self._stopped = False
        self._progress = _ProgressThread(comm) if comm.rank == 0 and comm.size > 1 else None

    def next_chunk(self) -> int:
        """Number of a chunk that no other rank gets; reports finished seeds on the way."""
        self.flush()
        return self._add(_NEXT, 1)

    def flush(self) -> None:
        """Tell the others of finished seeds."""
        for counter, number in self._unreported.items():
            if number:
                self._add(counter, number)
                self._unreported[counter] = 0

    def report(self, *, converged: bool) -> None:
        """Count a finished seed; others see it when this rank asks for more work."""
        self._unreported[_CONVERGED if converged else _FAILED] += 1

    def totals(self) -> tuple[int, int]:
        """Seeds converged and failed so far, on all ranks."""
        converged, failed = (
            self._add(counter, 0) + self._unreported[counter] for counter in (_CONVERGED, _FAILED)
        )
        return converged, failed

    def stop(self) -> None:
        """Ask every rank to stop."""
        if not self._stopped:
            self._stopped = True
            self._add(_STOP, 1)

    def stopped(self) -> bool:
        """Whether some rank asked to stop; looks every few seconds at most."""
        now = time.monotonic()
        if not self._stopped and now - self._polled > _SECONDS_BETWEEN_POLLS:
            self._polled = now
            self._stopped = self._add(_STOP, 0) > 0
        return self._stopped

    def _add(self, counter: int, amount: int) -> int:
        """Add to a counter; returns its value before."""
        before = np.empty(1, dtype=np.int64)
        operation = MPI.SUM if amount else MPI.NO_OP
        self._window.Fetch_and_op(
            np.array([amount], dtype=np.int64), before, 0, counter, op=operation
        )
        self._window.Flush(0)
        return int(before[0])

    def close(self) -> None:
        """Free the window; waits for every rank."""
        if self._progress is not None:
            self._progress.close()
        self._window.Unlock_all()
        self._window.Free()


class _ProgressThread:
    """Lets MPI serve the counters while rank 0 relaxes.

    Where the network has no atomic operations of its own, they are done by MPI calls of the
    target, and rank 0 may be inside LAMMPS, which calls no MPI, for minutes.
    """

    def __init__(self, comm: MPI.Intracomm) -> None:
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(comm,), daemon=True)
        if MPI.Query_thread() == MPI.THREAD_MULTIPLE:
            self._thread.start()

    def _run(self, comm: Any) -> None:
        while not self._end.wait(_PROGRESS_SECONDS):
            comm.Iprobe()

    def close(self) -> None:
        self._end.set()
        if self._thread.is_alive():
            self._thread.join()


def share_out_in_turn(
    comm: Communicator, items: Sequence[_S], work: Callable[[_S], _T], unit: str
) -> list[_T]:
    """Do ``work`` on every item, each on the first rank that is free; all results on every rank.

    An exception on one rank is raised on all of them, once each has ended the item at hand.

    Args:
        comm: called on every rank of it, with the same items.
        items: which may take very different times.
        work: what to do with one.
        unit: what is counted where rank 0 shows how far it has come.
    """
    if comm.size == 1:
        return share_out(comm, items, work, unit)
    if not isinstance(comm, MPI.Intracomm):
        raise TypeError("Several ranks need a communicator of MPI.")
    counters = SharedCounters(comm)

    def mine() -> dict[int, _T]:
        done: dict[int, _T] = {}
        with counting(len(items), unit, shown=comm.rank == 0) as tell:
            while (turn := counters.next_chunk()) < len(items) and not counters.stopped():
                tell(turn)
                try:
                    done[turn] = work(items[turn])
                except BaseException:
                    counters.stop()
                    raise
        return done

    try:
        parts = gather(comm, mine)
    finally:
        counters.close()
    together = {turn: result for part in parts for turn, result in part.items()}
    return [together[turn] for turn in range(len(items))]
