"""Group equal structures, on one process or on many, with the same result.

Structures are taken in order of E~. One that equals none of lower E~ leads a group; any other
belongs to the first leader it equals. To equal a leader a structure must first be near it in every
cheap invariant; only then is it shown to pymatgen's ``StructureMatcher``.

The work of a batch is shared: each rank decides on its own structures, and waits only where a
similar structure of lower E~ is undecided. So the groups are those of one process going through the
list, whatever the number of ranks or the size of a batch.
"""

from collections.abc import Callable
from dataclasses import dataclass

import ase
import numpy as np
from numpy.typing import NDArray
from pymatgen.analysis.structure_matcher import StructureMatcher

from rm_lammps.progress import follow
from rm_lammps.ranks import Communicator, gather
from rm_lammps.runs.index import FrameTable
from rm_lammps.systems import System
from rm_lammps.systems.identity import Identity

BATCH = 1024
"""Structures in memory beside the leaders within reach; at least 64 for each rank."""


@dataclass(frozen=True)
class Tolerances:
    """How far equal structures may be apart in the cheap invariants.

    Space groups don't count: a relaxed structure's depends on how well it converged.
    """

    energy: float = 0.01
    """pseudo-eV per atom."""
    volume: float = 0.03
    """Relative."""
    fingerprint: float = 0.25
    """(V/N)^(1/3). Atoms displaced by up to half of it always pass, so that it is the matcher that
    decides: from 0.15 on the groups of a run of 600 seeds no longer changed."""


@dataclass
class _Item:
    """A structure of a batch, on the rank that decides on it."""

    frame: int
    prepared: Identity
    print: NDArray[np.float32]
    similar: NDArray[np.int64]
    """Frames of lower E~ that it may equal, the lowest first, as far as not yet ruled out."""


class Grouping:
    """The groups of a run.

    Args:
        table: of the run's frames, the same on every rank.
        load: gives a frame by its number.
        comm: every rank of it calls :meth:`leaders`.
        system: what the structures are; it says what is the same.
        matcher: decides what is the same.
        tolerances: for the cheap invariants.
        batch: structures handled at a time; the result doesn't depend on it.
    """

    def __init__(
        self,
        table: FrameTable,
        load: Callable[[int], ase.Atoms],
        comm: Communicator,
        *,
        system: System,
        matcher: StructureMatcher,
        tolerances: Tolerances,
        batch: int | None = None,
    ) -> None:
        self._table, self._load, self._comm = table, load, comm
        self._batch = max(BATCH, 64 * comm.size) if batch is None else batch
        self._system, self._matcher, self._tolerances = system, matcher, tolerances
        self._leader = np.full(len(table), -1, dtype=np.int64)
        # of the leaders within reach, and of the batch, by frame
        self._prints: dict[int, NDArray[np.float32]] = {}
        self._prepared: dict[int, Identity] = {}

    def leaders(self) -> NDArray[np.int64]:
        """Find all groups.

        Returns:
            For each frame the frame that leads its group, shape (n,); on every rank.
        """
        order = self._table.order()
        batches = [order[n : n + self._batch] for n in range(0, len(order), self._batch)]
        for frames in follow(batches, "batches compared", shown=self._comm.rank == 0):
            self._forget(int(frames[0]))
            items = self._analyse(frames)
            while (self._leader[frames] < 0).any():
                items = self._decide(items)
        return self._leader

    def _analyse(self, frames: NDArray[np.int64]) -> list[_Item]:
        """Make this rank's items of a batch."""
        own = frames[self._comm.rank :: self._comm.size]

        mine: list[_Item] = []

        # each rank keeps its items; the others learn their fingerprints
        def make() -> dict[int, NDArray[np.float32]]:
            for number in own:
                atoms = self._load(int(number))
                none = np.empty(0, dtype=np.int64)
                identity, print_ = self._system.identity(atoms), self._system.fingerprint(atoms)
                mine.append(_Item(int(number), identity, print_, none))
            return {item.frame: item.print for item in mine}

        prints = gather(self._comm, make)
        earlier = np.array(list(self._prints), dtype=np.int64)
        for some in prints:
            self._prints |= some
        self._find_similar(mine, earlier, frames)
        return mine

    def _decide(self, items: list[_Item]) -> list[_Item]:
        """Decide on what can be decided, on all ranks; returns this rank's undecided items."""
        decided: dict[int, int] = {}
        for some in gather(self._comm, lambda: self._judge_all(items)):
            decided |= some
        for frame, leader in decided.items():
            self._leader[frame] = leader
            if frame != leader:
                del self._prints[frame]
        new = {item.frame: item.prepared for item in items if decided.get(item.frame) == item.frame}
        for leaders in self._comm.allgather(new):
            self._prepared |= leaders
        return [item for item in items if item.frame not in decided]

    def _judge_all(self, items: list[_Item]) -> dict[int, int]:
        verdicts = ((item.frame, self._judge(item)) for item in items)
        return {frame: leader for frame, leader in verdicts if leader is not None}

    def _judge(self, item: _Item) -> int | None:
        """Leader of a structure, perhaps itself; ``None`` where a similar one is undecided."""
        leader = self._leader[item.similar]
        # members of other groups lead nothing
        item.similar = item.similar[(leader < 0) | (leader == item.similar)]
        for passed, other in enumerate(item.similar):
            if self._leader[other] < 0:
                item.similar = item.similar[passed:]
                return None
            if self._prepared[int(other)].same(item.prepared, self._matcher):
                return int(other)
        return item.frame

    def _find_similar(
        self, items: list[_Item], earlier: NDArray[np.int64], frames: NDArray[np.int64]
    ) -> None:
        """Fill in, for each item, the frames before it that pass the cheap tests."""
        table = self._table
        pool = np.concatenate([earlier, frames])
        place = {int(frame): number for number, frame in enumerate(pool)}
        for kind in np.unique(table.composition[frames]):
            # fingerprints of one composition have one length
            others = np.flatnonzero(table.composition[pool] == kind)
            prints = np.stack([self._prints[int(frame)] for frame in pool[others]])
            for item in items:
                if table.composition[item.frame] == kind:
                    before = np.searchsorted(others, place[item.frame])
                    candidates = pool[others[:before]]
                    item.similar = candidates[self._near(item, candidates, prints[:before])]

    def _near(
        self, item: _Item, others: NDArray[np.int64], prints: NDArray[np.float32]
    ) -> NDArray[np.int64]:
        """Positions in ``others`` of the structures that pass the cheap tests."""
        table, tolerances = self._table, self._tolerances
        energies, volumes = table.energy_per_atom, table.volume_per_atom
        near = energies[item.frame] - energies[others] <= tolerances.energy
        smaller = np.minimum(volumes[others], volumes[item.frame])
        larger = np.maximum(volumes[others], volumes[item.frame])
        near &= larger - smaller <= tolerances.volume * smaller
        where = np.flatnonzero(near)
        distance = np.abs(prints[where] - item.print).max(axis=1, initial=0)
        return where[distance <= tolerances.fingerprint]

    def _forget(self, first: int) -> None:
        """Drop leaders that no structure from ``first`` on can equal: memory follows the window."""
        table, energies = self._table, self._table.energy_per_atom
        for frame in list(self._prints):
            if (
                table.composition[frame] != table.composition[first]
                or energies[first] - energies[frame] > self._tolerances.energy
            ):
                del self._prints[frame]
                del self._prepared[frame]
