"""The structures of a run in other formats, in the order of the extxyz files."""

import io
import sqlite3
import zipfile
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import ase
import numpy as np
from ase.calculators.singlepoint import SinglePointCalculator
from ase.db import connect
from ase.db.core import reserved_keys
from ase.io.cif import write_cif

from rm_lammps.analysis.unique import UniqueSet, read_unique
from rm_lammps.errors import UserError
from rm_lammps.runs.frames import FrameFile, iterate
from rm_lammps.runs.layout import STRUCTURES, TOP, TOP_CIFS, UNIQUE

BEST = 20
"""Structures of each composition in ``top.extxyz``."""


class Format(str, Enum):
    """Formats besides extxyz."""

    CIF = "cif"
    """Zip of one CIF a structure; names carry seed and rank."""
    DB = "db"
    """ASE database (SQLite); rows in the order of the extxyz file."""


Writer = Callable[[Iterable[tuple[str, ase.Atoms]], Path], None]


def export(folder: Path, unique: UniqueSet, formats: Iterable[Format]) -> None:
    """Write ``structures`` and ``unique`` in other formats, as ``.cif.zip`` or ``.db``.

    Args:
        folder: of the run, with ``structures.extxyz`` and ``unique.extxyz``.
        unique: as ``write_unique`` returned it.
        formats: which.

    Raises:
        UserError: the files can't be written.
    """
    for wanted in dict.fromkeys(formats):
        suffix, write = _WRITERS[wanted]
        for stem, frames in (
            (Path(STRUCTURES).stem, _named_structures(folder, unique)),
            (Path(UNIQUE).stem, _named_unique(folder)),
        ):
            path = folder / f"{stem}{suffix}"
            # suffix last: ase.db goes by it
            partial = folder / f".partial-{stem}{suffix}"
            try:
                partial.unlink(missing_ok=True)
                write(frames, partial)
                partial.replace(path)
            except (OSError, sqlite3.Error) as error:
                raise UserError(f"Can't write {path}: {error}.", "Make room.") from error
            finally:
                # SQLite's journal too
                for left in path.parent.glob(f"{partial.name}*"):
                    left.unlink()


def write_top(folder: Path, unique: UniqueSet, top: int = BEST) -> None:
    """Write the best structures of each composition: ``top.extxyz`` and ``top.cif.zip``.

    Args:
        folder: of the run, with ``unique.extxyz``.
        unique: as ``write_unique`` returned it.
        top: structures of each composition, in the order of ``unique.extxyz``.

    Raises:
        UserError: the files can't be written.
    """
    best = np.flatnonzero(unique.rank <= top).tolist()
    partial, archive = folder / f".{TOP}.partial", folder / f".{TOP_CIFS}.partial"
    try:
        with FrameFile(folder / UNIQUE, unique.begin) as frames:
            partial.write_bytes(b"".join(frames.text(number) for number in best))
            named = ((cif_name(a), a) for a in map(frames.atoms, best))
            _write_cifs(named, archive)
        partial.replace(folder / TOP)
        archive.replace(folder / TOP_CIFS)
    except OSError as error:
        raise UserError(f"Can't write {folder / 'top.extxyz'}: {error}") from error


def cif_text(atoms: ase.Atoms, name: str) -> str:
    """CIF with the atoms in their order, in P1; ``name`` becomes the data block's."""
    stream = io.BytesIO()
    write_cif(stream, [atoms])
    text = stream.getvalue().decode()
    return text.replace("data_image0", f"data_{name}", 1)


def cif_name(atoms: ase.Atoms, unique: bool = True) -> str:
    """Name of a structure in files: rank and seed, what comes first in the file's order first."""
    seed, rank = f"seed{int(atoms.info['seed']):06d}", f"rank{int(atoms.info['rank']):05d}"
    if "run" in atoms.info:
        seed = f"{atoms.info['run']}_{seed}"
    words = (rank, seed) if unique else (seed, rank)
    return "_".join((*words, atoms.get_chemical_formula()))


def _named_structures(folder: Path, unique: UniqueSet) -> Iterator[tuple[str, ase.Atoms]]:
    ranks = unique.rank_of_frames()
    for atoms, rank in zip(iterate(folder / STRUCTURES), ranks, strict=True):
        atoms.info["rank"] = int(rank)
        yield cif_name(atoms, unique=False), atoms


def _named_unique(folder: Path) -> Iterator[tuple[str, ase.Atoms]]:
    for atoms in read_unique(folder):
        yield cif_name(atoms), atoms


def _write_cifs(frames: Iterable[tuple[str, ase.Atoms]], path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, atoms in frames:
            archive.writestr(f"{name}.cif", cif_text(atoms, name))


def _write_database(frames: Iterable[tuple[str, ase.Atoms]], path: Path) -> None:
    # serial: ASE would otherwise wait for all MPI ranks, which are not all here
    with connect(path, append=False, serial=True, use_lock_file=False) as database:
        for name, atoms in frames:
            info = {**atoms.info, "name": name}
            # kept by the calculator: a row has them as columns of its own
            energy = info.pop("energy_per_atom") * len(atoms)
            atoms.calc = SinglePointCalculator(atoms, energy=energy)
            pairs = {key: _plain(value) for key, value in info.items() if _fits(key, value)}
            rest = {key: value for key, value in info.items() if key not in pairs}
            database.write(atoms, {**pairs, "energy_per_atom": energy / len(atoms)}, data=rest)


def _fits(key: str, value: Any) -> bool:
    """Whether a database row takes it as a key that can be searched for."""
    return key not in reserved_keys and isinstance(value, (str, int, float, np.number))


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


_WRITERS: dict[Format, tuple[str, Writer]] = {
    Format.CIF: (".cif.zip", _write_cifs),
    Format.DB: (".db", _write_database),
}
