"""Unique structures of a run, ranked: ``unique.extxyz``."""

import io
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
from rm_lammps.analysis.representatives import represented
from rm_lammps.analysis.standard_cells import TIGHT_SYMPREC, order_of_symmetry, symmetrised
from rm_lammps.errors import UserError
from rm_lammps.files import replacing
from rm_lammps.geometry.symmetry import SYMPREC, SpaceGroup, space_group
from rm_lammps.ranks import Communicator, OneProcess, on_root, share_out
from rm_lammps.runs.frames import FrameFile, iterate, with_note
from rm_lammps.runs.index import FrameTable, read_index
from rm_lammps.runs.layout import STRUCTURES, SUMMARY, SYMMETRISED, UNIQUE
from rm_lammps.runs.records import Fact
from rm_lammps.runs.small_files import system_of_run
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
    parts: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    """What of the score is not an energy, by name, shape (n_unique,) each."""
    facts: Mapping[int, Mapping[str, Fact]] = field(default_factory=dict)
    """What else the frames of leaders say, by frame: energies of potentials, for example."""
    refined: Mapping[int, ase.Atoms] = field(default_factory=dict)
    """Leaders that were relaxed by a potential, by frame, as they are then."""
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

    Each frame is that of the group's most symmetric structure, byte for byte, with more in its
    ``info``: ``rank`` (from 1, of its composition), ``rank_score`` with its parts, ``found``
    (number of seeds), ``seeds`` (which), and space groups at two tolerances. Compositions come in
    the order of their first seed. The result is the same for any number of ranks.

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
    unique = find_unique(
        folder, comm, symprec=symprec, matcher=matcher, tolerances=tolerances, ranking=ranking
    )
    return write_found(folder, unique, comm, symmetrise=symmetrise, symprec=symprec)


def find_unique(
    folder: Path,
    comm: Communicator,
    *,
    symprec: float = SYMPREC,
    matcher: StructureMatcher | None = None,
    tolerances: Tolerances | None = None,
    ranking: Ranking = Ranking(),  # noqa: B008
) -> UniqueSet:
    """Deduplicate and rank ``structures.extxyz`` by E~; write ``groups.npz`` alone.

    The arguments are those of :func:`write_unique`.

    Raises:
        UserError: on every rank, if there are no usable structures to read or no room to write.
    """
    matcher = StructureMatcher() if matcher is None else matcher
    tolerances = Tolerances() if tolerances is None else tolerances
    table = on_root(comm, lambda: read_index(folder))
    with FrameFile(folder / STRUCTURES, table.begin) as frames:
        leader = _leaders(table, frames, comm, matcher, tolerances)
        own = np.flatnonzero(leader == np.arange(len(table)))
        weighs = ranking.symmetry_weight(table.share) != 0

        def symmetry(frame: int) -> tuple[SpaceGroup, SpaceGroup, int]:
            atoms = frames.atoms(frame)
            group = space_group(atoms, symprec)
            tight = space_group(atoms, TIGHT_SYMPREC)
            return group, tight, order_of_symmetry(atoms, group) if weighs else 1

        symmetries = share_out(comm, own.tolist(), symmetry)
    return _rank(table, leader, own, symmetries, ranking)


def write_found(
    folder: Path,
    unique: UniqueSet,
    comm: Communicator,
    *,
    symmetrise: bool = False,
    symprec: float = SYMPREC,
) -> UniqueSet:
    """Write ``unique.extxyz``, and standard cells if asked for.

    Returns:
        The same set, which knows where its frames begin.

    Raises:
        UserError: on every rank, if there is no room.
    """

    def write() -> NDArray[np.int64]:
        with FrameFile(folder / STRUCTURES, unique.table.begin) as frames:
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
    leader = represented(table, grouping.leaders(), frames.atoms, comm)
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
    symmetries: Sequence[tuple[SpaceGroup, SpaceGroup, int]],
    ranking: Ranking,
) -> UniqueSet:
    """Order the leaders ``own``, of these space groups and orders of point groups."""
    found = np.bincount(leader, minlength=len(table))[own]
    share = np.zeros(len(table))
    np.maximum.at(share, leader, table.share)
    parts = ranking.parts(found, [order for _, _, order in symmetries], share[own])
    score = table.energy_per_atom[own] + sum(parts.values())
    unique = ranked_set(table, leader, own, score, [group for group, _, _ in symmetries], parts)
    tight = {int(frame): group for frame, (_, group, _) in zip(own, symmetries, strict=True)}
    return replace(unique, facts={frame: tight_facts(group) for frame, group in tight.items()})


def tight_facts(group: SpaceGroup) -> dict[str, Fact]:
    """What a frame says of its space group within ``TIGHT_SYMPREC``."""
    return {"space_group_tight": group.symbol, "space_group_tight_number": group.number}


def ranked_set(
    table: FrameTable,
    leader: NDArray[np.int64],
    own: NDArray[np.int64],
    score: NDArray[np.float64],
    groups: Sequence[SpaceGroup],
    parts: Mapping[str, NDArray[np.float64]] | None = None,
    begins: NDArray[np.bool_] | None = None,
) -> UniqueSet:
    """Order leaders by composition, in order of their first seed, and then by score.

    Equal scores are ordered by E~, and then by seed.

    Args:
        table: of ``structures.extxyz``.
        leader: for each frame the frame that leads its group, shape (n,).
        own: the leaders that count, shape (n_unique,).
        score: of the leaders, lower is better, shape (n_unique,).
        groups: space groups of the leaders.
        parts: what of the score is not an energy, by name, shape (n_unique,) each.
        begins: which leaders come before the others of their composition, whatever their score,
            shape (n_unique,); all alike unless given.
    """
    first_seed = np.full(len(table.formulas), np.iinfo(np.int64).max)
    np.minimum.at(first_seed, table.composition, table.identity)
    first = first_seed[table.composition[own]] if len(own) else own
    later = np.zeros(len(own), dtype=bool) if begins is None else ~begins
    order = np.lexsort((table.identity[own], table.energy_per_atom[own], score, later, first))
    return UniqueSet(
        table,
        leader,
        own[order],
        score[order],
        [groups[n] for n in order],
        {} if parts is None else {name: values[order] for name, values in parts.items()},
    )


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
            parts = {f"score_{name}": values[place] for name, values in unique.parts.items()}
            note = (
                f" rank={ranks[place]} rank_score={unique.score[place]:.6f}{_note(parts)}"
                f" found={len(found)}{_seeds(table, found)}"
                f' space_group="{group.symbol}" space_group_number={group.number}'
                f"{_note(unique.facts.get(frame, {}))}"
                f"{'' if notes is None else notes[frame]}"
            )
            refined = unique.refined.get(frame)
            text = frames.text(frame) if refined is None else _moved(frames.atoms(frame), refined)
            text = with_note(text, note.encode())
            stream.write(text)
            begin.append(begin[-1] + len(text))
    return np.array(begin, dtype=np.int64)


def _note(values: Mapping[str, Fact]) -> str:
    """Values for a comment line, each with a space before it."""
    return "".join(
        f' {name}="{value}"' if isinstance(value, str) else f" {name}={_number(value)}"
        for name, value in values.items()
    )


def _number(value: float) -> str:
    # -0 looks like a mistake
    return str(value) if isinstance(value, int) else f"{round(float(value), 6) + 0.0:.6f}"


def _moved(atoms: ase.Atoms, refined: ase.Atoms) -> bytes:
    """The frame of a structure after its relaxation by a potential.

    E~ per atom is still that of the minimum of E~; what else was computed there no longer holds.
    """
    moved = refined.copy()
    gone = {"energy", "fmax", "max_stress", "terms"}
    moved.info = {key: value for key, value in atoms.info.items() if key not in gone}
    moved.info["volume_per_atom"] = refined.get_volume() / len(refined)
    stream = io.StringIO()
    ase.io.write(stream, moved, format="extxyz", parallel=False)
    return stream.getvalue().encode()


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
