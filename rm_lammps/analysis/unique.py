"""Unique structures of a run, ranked: ``unique.extxyz``."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import ase
import ase.io
import numpy as np
from numpy.typing import NDArray
from pymatgen.analysis.structure_matcher import StructureMatcher

from rm_lammps.analysis.grouping import Grouping, Tolerances
from rm_lammps.analysis.groups import KeptGroups
from rm_lammps.analysis.ranking import Ranking
from rm_lammps.analysis.symmetry import (
    SYMPREC,
    SpaceGroup,
    order_of_symmetry,
    space_group,
    symmetrised,
)
from rm_lammps.errors import UserError
from rm_lammps.files import replacing
from rm_lammps.ranks import Communicator, OneProcess, on_root, share_out
from rm_lammps.runs.contents import system_of_run
from rm_lammps.runs.frames import FrameFile, iterate, with_note
from rm_lammps.runs.index import FrameTable, read_index
from rm_lammps.runs.layout import STRUCTURES, SUMMARY, SYMMETRISED, UNIQUE
from rm_lammps.systems import System, find_system, system_of


@dataclass(frozen=True)
class UniqueSet:
    """Which frames of ``structures.extxyz`` are unique, best first."""

    table: FrameTable
    """Of ``structures.extxyz``."""
    leader: NDArray[np.int64]
    """For each frame the frame that leads its group, shape (n,)."""
    ranked: NDArray[np.int64]
    """Leaders by composition, in order of their first seed, and then by score, shape
    (n_unique,)."""
    score: NDArray[np.float64]
    """What the leaders are ranked by, lower is better, shape (n_unique,)."""
    groups: list[SpaceGroup]
    """Space groups of the leaders."""
    begin: NDArray[np.int64] = field(default_factory=lambda: np.zeros(1, dtype=np.int64))
    """First byte of each frame of ``unique.extxyz``, and the file's length, shape (n_unique + 1,);
    once it is written."""

    def __len__(self) -> int:
        return len(self.ranked)

    @property
    def rank(self) -> NDArray[np.int64]:
        """Rank of each leader among those of its composition, from 1, shape (n_unique,)."""
        composition = self.table.composition[self.ranked]
        begins = np.flatnonzero(np.diff(composition, prepend=-1))
        lengths = np.diff(begins, append=len(self))
        return np.arange(1, len(self) + 1) - np.repeat(begins, lengths)

    def rank_of_frames(self) -> NDArray[np.int64]:
        """Rank of each frame's group; 0 for those of no group, shape (n,)."""
        rank = np.zeros(len(self.table), dtype=np.int64)
        rank[self.ranked] = self.rank
        return rank[self.leader]

    def place_of_frames(self) -> NDArray[np.int64]:
        """Where each frame's group stands in ``ranked``; -1 for those of no group, shape (n,)."""
        place = np.full(len(self.table), -1, dtype=np.int64)
        place[self.ranked] = np.arange(len(self))
        return place[self.leader]

    def members(self) -> list[NDArray[np.int64]]:
        """Frames that ended in each unique structure, in the order of ``ranked``, each by seed."""
        place = self.place_of_frames()
        order = np.lexsort((self.table.identity, place))
        order = order[np.searchsorted(place[order], 0) :]
        ends = np.searchsorted(place[order], np.arange(len(self) - 1), side="right")
        return np.split(order, ends) if len(self) else []


def write_unique(
    folder: Path,
    comm: Communicator | None = None,
    *,
    symmetrise: bool = False,
    symprec: float = SYMPREC,
    matcher: StructureMatcher | None = None,
    tolerances: Tolerances | None = None,
    ranking: Ranking = Ranking(),  # noqa: B008
) -> UniqueSet:
    """Deduplicate and rank ``structures.extxyz``; write ``unique.extxyz`` and ``groups.npz``.

    Each frame is that of the group's lowest E~, byte for byte, with more in its ``info``:
    ``rank`` (from 1, of its composition), ``rank_score``, ``found`` (number of seeds), ``seeds``
    (which), ``space_group`` and ``space_group_number``. Compositions come in the order of their
    first seed. The result is the same for any number of ranks.

    Args:
        folder: written by ``rm-generate``.
        comm: every rank of it calls this function; rank 0 writes. One process unless given.
        symmetrise: write ``unique_symmetrised.extxyz`` too, the conventional standard cells in
            the same order.
        symprec: for space groups and standard cells, Å.
        matcher: decides what is the same; pymatgen's default settings unless given.
        tolerances: for the cheap invariants that come before the matcher.
        ranking: what structures are ranked by.

    Raises:
        UserError: on every rank, if there are no usable structures to read or no room to write.
    """
    comm = OneProcess() if comm is None else comm
    matcher = StructureMatcher() if matcher is None else matcher
    tolerances = Tolerances() if tolerances is None else tolerances
    path = folder / STRUCTURES
    table = on_root(comm, lambda: read_index(folder))
    with FrameFile(path, table.begin) as frames:
        leader = _leaders(table, frames, comm, matcher, tolerances)
        own = np.flatnonzero(leader == np.arange(len(table)))
        weighs = ranking.symmetry_weight(table.share) != 0

        def symmetry(frame: int) -> tuple[SpaceGroup, int]:
            atoms = frames.atoms(frame)
            group = space_group(atoms, symprec)
            return group, order_of_symmetry(atoms, group) if weighs else 1

        symmetries = share_out(comm, own.tolist(), symmetry)
        unique = _rank(table, leader, own, symmetries, ranking)

        def write() -> NDArray[np.int64]:
            begin = write_ranked(folder / UNIQUE, unique, frames)
            if symmetrise:
                _write_symmetrised(folder, symprec)
            return begin

        return replace(unique, begin=on_root(comm, write))


_WRITTEN = ("seed", "energy_per_atom", "rank", "found", "seeds")
"""What each frame of the file says."""


def read_unique(folder: Path) -> Iterator[ase.Atoms]:
    """Unique structures, best first.

    ``info["seeds"]`` is always an array, and so is ``info["runs"]``, where there are several.

    Raises:
        UserError: the file is not as it was written.
    """
    for number, atoms in enumerate(iterate(folder / UNIQUE)):
        missing = [name for name in _WRITTEN if name not in atoms.info]
        if missing:
            raise UserError(
                f"{folder / UNIQUE}, frame {number} does not say its {', '.join(missing)}.",
                f"Delete the file, and run rm-evaluate {folder} again.",
            )
        atoms.info["seeds"] = np.atleast_1d(atoms.info["seeds"])
        if "runs" in atoms.info:
            atoms.info["runs"] = np.array(atoms.info["runs"].split())
        yield atoms


def _leaders(
    table: FrameTable,
    frames: FrameFile,
    comm: Communicator,
    matcher: StructureMatcher,
    tolerances: Tolerances,
) -> NDArray[np.int64]:
    """Groups as they were kept when the same frames were grouped before, otherwise found anew."""
    groups = on_root(comm, lambda: KeptGroups(frames.path, matcher, tolerances))
    kept = on_root(comm, groups.read)
    if kept is not None:
        return kept
    system = on_root(comm, lambda: _system(frames))
    grouping = Grouping(
        table, frames.atoms, comm, system=system, matcher=matcher, tolerances=tolerances
    )
    leader = grouping.leaders()
    on_root(comm, lambda: groups.write(leader))
    return leader


def _system(frames: FrameFile) -> System:
    """What the structures are; where the folder does not say, by the first structure."""
    folder = frames.path.parent
    if (folder / SUMMARY).exists():
        return system_of_run(folder)
    return system_of(frames.atoms(0)) if len(frames) else find_system("crystal")


def _rank(
    table: FrameTable,
    leader: NDArray[np.int64],
    own: NDArray[np.int64],
    symmetries: Sequence[tuple[SpaceGroup, int]],
    ranking: Ranking,
) -> UniqueSet:
    """Order the leaders ``own``, of these space groups and orders of point groups."""
    found = np.bincount(leader, minlength=len(table))[own]
    share = np.zeros(len(table))
    np.maximum.at(share, leader, table.share)
    orders = [order for _, order in symmetries]
    score = ranking.score(table.energy_per_atom[own], found, orders, share[own])
    return ranked_set(table, leader, own, score, [group for group, _ in symmetries])


def ranked_set(
    table: FrameTable,
    leader: NDArray[np.int64],
    own: NDArray[np.int64],
    score: NDArray[np.float64],
    groups: Sequence[SpaceGroup],
) -> UniqueSet:
    """Order leaders by composition, in order of their first seed, and then by score.

    Args:
        table: of ``structures.extxyz``.
        leader: for each frame the frame that leads its group, shape (n,).
        own: the leaders that count, shape (n_unique,).
        score: of the leaders, lower is better, shape (n_unique,).
        groups: space groups of the leaders.
    """
    first_seed = np.full(len(table.formulas), np.iinfo(np.int64).max)
    np.minimum.at(first_seed, table.composition, table.identity)
    first = first_seed[table.composition[own]] if len(own) else own
    order = np.lexsort((table.identity[own], table.energy_per_atom[own], score, first))
    return UniqueSet(table, leader, own[order], score[order], [groups[n] for n in order])


def write_ranked(
    path: Path, unique: UniqueSet, frames: FrameFile, notes: Mapping[int, str] | None = None
) -> NDArray[np.int64]:
    """Write the frames of unique structures, best first.

    Args:
        path: of the file to write.
        unique: which frames.
        frames: of ``structures.extxyz``.
        notes: what else goes into each frame's comment line, with a space before it.

    Returns:
        First byte of each frame, and the length of the file, shape (n_unique + 1,).

    Raises:
        UserError: it can't be written.
    """
    begin, table, members, ranks = [0], unique.table, unique.members(), unique.rank
    with replacing(path, "wb") as stream:
        for place, frame in enumerate(unique.ranked.tolist()):
            group, found = unique.groups[place], members[place]
            note = (
                f" rank={ranks[place]} rank_score={unique.score[place]:.6f} found={len(found)}"
                f"{_seeds(table, found)}"
                f' space_group="{group.symbol}" space_group_number={group.number}'
                f"{'' if notes is None else notes[frame]}"
            )
            text = with_note(frames.text(frame), note.encode())
            stream.write(text)
            begin.append(begin[-1] + len(text))
    return np.array(begin, dtype=np.int64)


def _seeds(table: FrameTable, frames: NDArray[np.int64]) -> str:
    """Which seeds of which runs frames are, for a comment line."""
    seeds = f' seeds="{" ".join(map(str, table.seed[frames]))}"'
    if not table.runs:
        return seeds
    return f'{seeds} runs="{" ".join(table.runs[run] for run in table.run[frames])}"'


def _write_symmetrised(folder: Path, symprec: float) -> None:
    with replacing(folder / SYMMETRISED) as stream:
        for atoms in read_unique(folder):
            standard = symmetrised(atoms, symprec)
            # E~ of the cell and forces are the relaxed frame's and would not fit this cell
            standard.info = atoms.info
            ase.io.write(stream, standard, format="extxyz", parallel=False)
