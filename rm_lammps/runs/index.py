"""Numbers of all frames of ``structures.extxyz``, kept beside it: nobody reads them out of text.

``index.npz`` is written when records are merged. A folder without it, or whose structures are not
those that it was made for, gets it anew.
"""

import contextlib
import zlib
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from math import isfinite
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from ase.data import chemical_symbols
from numpy.typing import ArrayLike, NDArray

from rm_lammps.chemistry.formula import reduced_formula
from rm_lammps.errors import UserError
from rm_lammps.files import replacing, sha256
from rm_lammps.runs.frames import RawFrame, raw_frames
from rm_lammps.runs.joined import read_joined
from rm_lammps.runs.layout import INDEX, STRUCTURES
from rm_lammps.runs.records import Origin

_FORMAT = 1
"""Raised when columns change their meaning; other formats are made anew."""
_SEED_BITS = 32

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class FrameTable:
    """One row a frame of ``structures.extxyz``, in the order of the file; n frames."""

    begin: Ints
    """First byte of each frame, and behind them the length of the file, shape (n + 1,)."""
    seed: Ints
    """Number of the seed in its run, shape (n,); the frame's number where it has none."""
    run: Ints
    """Index into ``runs``, shape (n,); 0 where there is one run."""
    runs: tuple[str, ...]
    """Names of the runs, where the folder holds several; empty for a run's own folder."""
    n_atoms: Ints
    """Shape (n,)."""
    composition: Ints
    """Index into ``formulas``, shape (n,)."""
    formulas: tuple[str, ...]
    """Reduced formulas: equal crystals share one, whatever cell they are described in."""
    energy: Floats
    """E~ of the cell, pseudo-eV, shape (n,)."""
    energy_per_atom: Floats
    """Pseudo-eV, shape (n,)."""
    volume_per_atom: Floats
    """Å³, shape (n,); 0 for molecules."""
    share: Floats
    """How likely the seed's kind of structure is for its composition, shape (n,); 0 for seeds that
    say nothing of it."""
    evaluations: Floats
    """Of energy and forces, shape (n,); nan where a frame does not say."""
    seconds: Floats
    """That the seed took, shape (n,); nan where a frame does not say."""
    structures_sha256: str
    """Of the file that the rows describe."""

    def __len__(self) -> int:
        return len(self.seed)

    @property
    def identity(self) -> Ints:
        """A number for run and seed that sorts by run, then by seed, shape (n,)."""
        return (self.run << _SEED_BITS) | self.seed

    def order(self) -> Ints:
        """Frames by composition, then E~, then seed: the same for any order of the file."""
        names = np.argsort(np.argsort(np.array(self.formulas, dtype=str)))
        group = names[self.composition] if len(self) else self.composition
        return np.lexsort((self.identity, self.energy_per_atom, group))

    def name(self, identity: int) -> tuple[str | None, int]:
        """Name of the run, ``None`` where there is one, and seed that a number stands for."""
        run, seed = divmod(int(identity), 1 << _SEED_BITS)
        return (self.runs[run] if self.runs else None), seed


class TableBuilder:
    """Makes a table row by row, in a few bytes a frame.

    Args:
        runs: names of the runs, where there are several.
    """

    def __init__(self, runs: Sequence[str] = ()) -> None:
        self._runs = tuple(runs)
        self._whole = {name: array("q") for name in _WHOLE}
        self._real = {name: array("d") for name in _REAL}
        self._formulas: dict[str, int] = {}
        self._known: dict[bytes, int] = {}

    def add(
        self,
        *,
        end: int,
        seed: int,
        composition: int,
        n_atoms: int,
        run: int = 0,
        **values: float,
    ) -> None:
        """Add a frame.

        Args:
            end: one beyond its last byte.
            seed: its number.
            composition: as one of the methods below numbers it.
            n_atoms: in the cell.
            run: index of its run.
            values: the other columns of :class:`FrameTable`, as far as they are known.
        """
        row = {"end": end, "seed": seed, "run": run, "n_atoms": n_atoms, "composition": composition}
        for name, number in row.items():
            self._whole[name].append(number)
        for name, default in _REAL.items():
            self._real[name].append(values.get(name, default))

    def number_of(self, symbols: Counter[str]) -> int:
        """Number of a composition, given as atoms by element."""
        return self._formulas.setdefault(reduced_formula(symbols), len(self._formulas))

    def number_of_elements(self, numbers: NDArray[np.integer]) -> int:
        """Number of a composition, given as atomic numbers, shape (n_atoms,)."""
        # frames of a run have few compositions, and their atoms few orders
        key = numbers.tobytes()
        if key not in self._known:
            self._known[key] = self.number_of(Counter(chemical_symbols[z] for z in numbers))
        return self._known[key]

    def build(self, structures_sha256: str) -> FrameTable:
        """The table.

        Args:
            structures_sha256: of the file that the rows describe.
        """
        whole = {name: np.array(column, dtype=np.int64) for name, column in self._whole.items()}
        real = {name: np.array(column) for name, column in self._real.items()}
        columns: dict[str, Any] = whole | real
        return FrameTable(
            begin=np.concatenate([[0], columns.pop("end")]).astype(np.int64),
            **columns,
            runs=self._runs,
            formulas=tuple(self._formulas),
            structures_sha256=structures_sha256,
        )


_WHOLE = ("end", "seed", "run", "n_atoms", "composition")
_REAL = {
    "energy": np.nan,
    "energy_per_atom": np.nan,
    "volume_per_atom": 0.0,
    "share": 0.0,
    "evaluations": np.nan,
    "seconds": np.nan,
}
"""Columns of real numbers, and what stands there where nothing is known."""


def cell_volume(cell: ArrayLike) -> float:
    """Volume of a cell, Å³: the same to the last bit wherever the cell comes from.

    Args:
        cell: rows are cell vectors, Å, shape (3, 3).
    """
    a, b, c, d, e, f, g, h, i = np.asarray(cell, dtype=float).ravel().tolist()
    return abs(a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g))


def concatenate(
    tables: Sequence[FrameTable], runs: Sequence[str], begin: Ints, structures_sha256: str
) -> FrameTable:
    """Table of the frames of several runs, one run after the other.

    Args:
        tables: of the runs.
        runs: their names.
        begin: first byte of each frame in the file that holds all, and the file's length, shape
            (n + 1,).
        structures_sha256: of that file.
    """
    formulas: dict[str, int] = {}
    composition = []
    for table in tables:
        number = [formulas.setdefault(name, len(formulas)) for name in table.formulas]
        composition.append(np.array(number, dtype=np.int64)[table.composition])
    lengths = [len(table) for table in tables]
    same = ("seed", "n_atoms", *_REAL)
    columns = {name: np.concatenate([getattr(table, name) for table in tables]) for name in same}
    return FrameTable(
        begin=begin,
        run=np.repeat(np.arange(len(tables)), lengths),
        runs=tuple(runs),
        composition=np.concatenate(composition),
        formulas=tuple(formulas),
        structures_sha256=structures_sha256,
        **columns,
    )


def write_index(folder: Path, table: FrameTable) -> None:
    """Write ``index.npz``.

    Raises:
        UserError: it can't be written.
    """
    columns = {column.name: np.asarray(getattr(table, column.name)) for column in fields(table)}
    with replacing(folder / INDEX, "wb") as stream:
        np.savez(stream, allow_pickle=False, format=np.array(_FORMAT), **columns)


def read_index(folder: Path) -> FrameTable:
    """Table of the frames of ``structures.extxyz``.

    From ``index.npz`` if that is the one of these structures; otherwise it is made anew, which
    takes longer, and kept if the folder can be written to.

    Args:
        folder: written by ``rm-generate``.

    Raises:
        UserError: there are no usable structures; names the frame.
    """
    structures = folder / STRUCTURES
    try:
        digest = sha256(structures)
    except OSError as error:
        raise UserError(
            f"Can't read {structures}: {error.strerror or error}.",
            "Give the --out folder of rm-generate.",
        ) from error
    kept = _read_kept(folder / INDEX)
    if kept is not None and kept.structures_sha256 == digest:
        return kept
    table = index_frames(structures, digest, [run.name for run in read_joined(folder)])
    with contextlib.suppress(UserError):
        write_index(folder, table)
    return table


def _read_kept(path: Path) -> FrameTable | None:
    try:
        with np.load(path) as kept:
            if kept["format"] != _FORMAT:
                return None
            columns: dict[str, Any] = {name: kept[name] for name in kept.files if name != "format"}
        for name in ("runs", "formulas"):
            columns[name] = tuple(columns[name].tolist())
        columns["structures_sha256"] = str(columns["structures_sha256"])
        return FrameTable(**columns)
    except (OSError, EOFError, KeyError, TypeError, ValueError, BadZipFile, zlib.error):
        return None


def index_frames(path: Path, digest: str, runs: Sequence[str] = ()) -> FrameTable:
    """Make the table of a file from its text.

    Args:
        path: extxyz file.
        digest: its SHA-256.
        runs: names of the runs that its frames come from, where these are several.

    Raises:
        UserError: not an extxyz file of converged structures; names the frame.
    """
    builder, end = TableBuilder(runs), 0
    number_of = {name: number for number, name in enumerate(runs)}
    with path.open("rb") as stream:
        for number, frame in enumerate(raw_frames(stream, path)):
            end += len(frame.text)
            try:
                facts = _facts(frame, number)
                run = number_of[str(frame.info()["run"])] if runs else 0
            except (KeyError, TypeError, ValueError) as error:
                raise UserError(
                    f"{path}, frame {number}: no usable E~ or lattice ({error}).",
                    "Frames need energy_per_atom or energy in their comment line, as rm-generate "
                    "writes.",
                ) from error
            builder.add(end=end, run=run, composition=builder.number_of(frame.symbols), **facts)
    return builder.build(digest)


def _facts(frame: RawFrame, number: int) -> dict[str, Any]:
    info, n_atoms = frame.info(), frame.symbols.total()
    if "energy_per_atom" in info:
        per_atom = float(info["energy_per_atom"])
        energy = float(info.get("energy", per_atom * n_atoms))
    else:
        energy = float(info["energy"])
        per_atom = energy / n_atoms
    # frames of molecules have no lattice; ASE's parser gives columns
    cell = np.asarray(info["Lattice"], dtype=float).T if "Lattice" in info else np.zeros((3, 3))
    volume = cell_volume(cell) / n_atoms
    if not (isfinite(per_atom) and isfinite(volume)):
        raise ValueError("E~ or volume is not a finite number")
    facts = {
        "seed": int(info.get("seed", number)),
        "n_atoms": n_atoms,
        "energy": energy,
        "energy_per_atom": per_atom,
        "volume_per_atom": volume,
        "share": Origin.from_named(info).prior,
    }
    return facts | {key: float(info[key]) for key in ("evaluations", "seconds") if key in info}
