"""Unique structures of a run, ranked: ``unique.extxyz``."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import ase
import ase.io
import numpy as np
from numpy.typing import NDArray
from pymatgen.analysis.structure_matcher import StructureMatcher

from rm_lammps.analysis.frames import FrameFile, FrameTable, iterate, read_table
from rm_lammps.analysis.grouping import Grouping, Tolerances
from rm_lammps.analysis.ranks import Communicator, OneProcess, gather, on_root
from rm_lammps.analysis.symmetry import SYMPREC, space_group, symmetrised
from rm_lammps.errors import UserError

STRUCTURES = "structures.extxyz"
UNIQUE = "unique.extxyz"
SYMMETRISED = "unique_symmetrised.extxyz"


@dataclass(frozen=True)
class UniqueSet:
    """Which frames of ``structures.extxyz`` are unique, best first."""

    table: FrameTable
    """Of ``structures.extxyz``."""
    leader: NDArray[np.int64]
    """For each frame the frame that leads its group, shape (n,)."""
    ranked: NDArray[np.int64]
    """Leaders in order of E~ per atom, shape (n_unique,)."""

    def __len__(self) -> int:
        return len(self.ranked)

    def rank_of_frames(self) -> NDArray[np.int64]:
        """Rank, from 1, of each frame's group; 0 for those of no group, shape (n,)."""
        rank = np.zeros(len(self.table), dtype=np.int64)
        rank[self.ranked] = np.arange(1, len(self) + 1)
        return rank[self.leader]

    def members(self) -> list[NDArray[np.int64]]:
        """Seeds that ended in each unique structure, best structure first, seeds ascending."""
        rank = self.rank_of_frames()
        order = np.lexsort((self.table.seed, rank))
        # frames of no unique structure have rank 0: molecules that are none
        order = order[np.searchsorted(rank[order], 1) :]
        ends = np.searchsorted(rank[order], np.arange(1, len(self)), side="right")
        return np.split(self.table.seed[order], ends) if len(self) else []


def write_unique(
    folder: Path,
    comm: Communicator | None = None,
    *,
    symmetrise: bool = False,
    symprec: float = SYMPREC,
    matcher: StructureMatcher | None = None,
    tolerances: Tolerances | None = None,
) -> UniqueSet:
    """Deduplicate and rank ``structures.extxyz``; write ``unique.extxyz``.

    Each frame is that of the group's lowest E~, byte for byte, with more in its ``info``:
    ``rank`` (from 1), ``found`` (number of seeds), ``seeds`` (which), ``space_group`` and
    ``space_group_number``. The result is the same for any number of ranks.

    Args:
        folder: written by ``rm-generate``.
        comm: every rank of it calls this function; rank 0 writes. One process unless given.
        symmetrise: write ``unique_symmetrised.extxyz`` too, the conventional standard cells in
            the same order.
        symprec: for space groups and standard cells, Å.
        matcher: decides what is the same; pymatgen's default settings unless given.
        tolerances: for the cheap invariants that come before the matcher.

    Raises:
        UserError: on every rank, if there are no usable structures to read or no room to write.
    """
    comm = OneProcess() if comm is None else comm
    path = folder / STRUCTURES
    table = on_root(comm, lambda: read_table(path))
    with FrameFile(path, table.begin) as frames:
        leader = Grouping(
            table, frames.atoms, comm, matcher=matcher, tolerances=tolerances
        ).leaders()
        own = np.flatnonzero(leader == np.arange(len(table)))
        unique = UniqueSet(table, leader, own[np.lexsort((table.seed[own], table.energy[own]))])
        mine = unique.ranked[comm.rank :: comm.size]
        found = gather(
            comm, lambda: {int(f): space_group(frames.atoms(int(f)), symprec) for f in mine}
        )
        groups = {frame: group for some in found for frame, group in some.items()}

        def write() -> None:
            notes = {
                frame: f' space_group="{group.symbol}" space_group_number={group.number}'
                for frame, group in groups.items()
            }
            write_ranked(folder / UNIQUE, unique, frames, notes)
            if symmetrise:
                _write_symmetrised(folder, symprec)

        on_root(comm, write)
    return unique


def read_unique(folder: Path) -> Iterator[ase.Atoms]:
    """Unique structures, best first; ``info["seeds"]`` is always an array."""
    for atoms in iterate(folder / UNIQUE):
        atoms.info["seeds"] = np.atleast_1d(atoms.info["seeds"])
        yield atoms


def write_ranked(
    path: Path, unique: UniqueSet, frames: FrameFile, notes: Mapping[int, str]
) -> None:
    """Write the frames of unique structures, best first.

    Args:
        path: of the file to write.
        unique: which frames.
        frames: of ``structures.extxyz``.
        notes: what goes behind rank and seeds in each frame's comment line, with a space before it.

    Raises:
        UserError: it can't be written.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as stream:
            ranked = zip(unique.ranked, unique.members(), strict=True)
            for rank, (frame, seeds) in enumerate(ranked, start=1):
                count, header, atoms = frames.text(int(frame)).split(b"\n", 2)
                numbers = " ".join(map(str, seeds))
                more = f' rank={rank} found={len(seeds)} seeds="{numbers}"{notes[int(frame)]}'
                stream.write(b"\n".join((count, header.rstrip() + more.encode(), atoms)))
        partial.replace(path)
    except OSError as error:
        raise UserError(f"Can't write {path}: {error}") from error


def _write_symmetrised(folder: Path, symprec: float) -> None:
    path = folder / SYMMETRISED
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("w") as stream:
            for atoms in read_unique(folder):
                standard = symmetrised(atoms, symprec)
                # E~ of the cell and forces are the relaxed frame's and would not fit this cell
                standard.info = atoms.info
                ase.io.write(stream, standard, format="extxyz", parallel=False)
        partial.replace(path)
    except OSError as error:
        raise UserError(f"Can't write {path}: {error}") from error
