"""The structures of a run in other formats, in the order of the extxyz files."""

import sqlite3
import zipfile
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import ase
import numpy as np
from ase.calculators.singlepoint import SinglePointCalculator

from rm_lammps.analysis.hand_over import HandOver, cif_text, poscar_text, write_vasp
from rm_lammps.analysis.molecules.chemists_formats import write_sdf, write_smiles
from rm_lammps.analysis.unique import UniqueSet, read_unique
from rm_lammps.errors import UserError
from rm_lammps.runs.frames import FrameFile, iterate
from rm_lammps.runs.layout import STRUCTURES, TOP, TOP_CIFS, UNIQUE, VASP

BEST = 20
"""Structures of each composition in ``top.extxyz``."""


class Format(str, Enum):
    """Formats besides extxyz."""

    CIF = "cif"
    """Zip of one CIF a structure; names carry seed and rank."""
    POSCAR = "poscar"
    """Zip of one POSCAR a structure."""
    VASP = "vasp"
    """Folder of input for VASP for each of the best structures."""
    DB = "db"
    """ASE database (SQLite); rows in the order of the extxyz file."""
    SDF = "sdf"
    """Molecules with their bonds."""
    SMI = "smi"
    """One SMILES a line, with the name of the molecule."""


Frames = Iterable[tuple[str, ase.Atoms]]
Writer = Callable[[Frames, Path, HandOver], None]


def export(
    folder: Path,
    unique: UniqueSet,
    formats: Iterable[Format],
    hand_over: HandOver = HandOver(),  # noqa: B008
    top: int = BEST,
) -> None:
    """Write ``structures`` and ``unique`` in other formats, as ``.cif.zip`` or ``.db``.

    Args:
        folder: of the run, with ``structures.extxyz`` and ``unique.extxyz``.
        unique: as ``write_unique`` returned it.
        formats: which.
        hand_over: in what cells crystals are written as CIF, POSCAR and input for VASP.
        top: structures of each composition that get input for VASP.

    Raises:
        UserError: the files can't be written.
    """
    for wanted in dict.fromkeys(formats):
        if wanted is Format.VASP:
            best = (pair for pair in _named_unique(folder) if pair[1].info["rank"] <= top)
            write_vasp(best, folder / VASP, hand_over)
            continue
        suffix, write = _WRITERS[wanted]
        sources = {Path(UNIQUE).stem: _named_unique(folder)}
        if wanted in _OF_ALL:
            sources[Path(STRUCTURES).stem] = _named_structures(folder, unique)
        for stem, frames in sources.items():
            path = folder / f"{stem}{suffix}"
            # suffix last: ase.db goes by it
            partial = folder / f".partial-{stem}{suffix}"
            try:
                partial.unlink(missing_ok=True)
                write(frames, partial, hand_over)
                partial.replace(path)
            except (OSError, sqlite3.Error) as error:
                raise UserError(f"Can't write {path}: {error}.", "Make room.") from error
            finally:
                # SQLite's journal too
                for left in path.parent.glob(f"{partial.name}*"):
                    left.unlink()


def write_top(
    folder: Path,
    unique: UniqueSet,
    top: int = BEST,
    hand_over: HandOver = HandOver(),  # noqa: B008
) -> None:
    """Write the best structures of each composition: ``top.extxyz``, of crystals ``top.cif.zip``.

    Args:
        folder: of the run, with ``unique.extxyz``.
        unique: as ``write_unique`` returned it.
        top: structures of each composition, in the order of ``unique.extxyz``.
        hand_over: in what cells crystals are written as CIF.

    Raises:
        UserError: the files can't be written.
    """
    best = np.flatnonzero(unique.rank <= top).tolist()
    partial, archive = folder / f".{TOP}.partial", folder / f".{TOP_CIFS}.partial"
    try:
        with FrameFile(folder / UNIQUE, unique.begin) as frames:
            partial.write_bytes(b"".join(frames.text(number) for number in best))
            crystals = unique.table.volume_per_atom[unique.ranked] > 0
            named = ((cif_name(a), a) for a in map(frames.atoms, best) if a.pbc.all())
            if crystals.any():
                _write_cifs(named, archive, hand_over)
                archive.replace(folder / TOP_CIFS)
        partial.replace(folder / TOP)
    except OSError as error:
        raise UserError(f"Can't write {folder / TOP}: {error}") from error


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


def _zipped(ending: str, text: Callable[[ase.Atoms, str, HandOver], str]) -> Writer:
    """A writer of one file a structure into a zip."""

    def write(frames: Frames, path: Path, hand_over: HandOver) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, atoms in frames:
                archive.writestr(f"{name}.{ending}", text(atoms, name, hand_over))

    return write


_write_cifs = _zipped("cif", cif_text)


def _write_database(frames: Frames, path: Path, _: HandOver) -> None:
    from ase.db import connect  # slow to import

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
    from ase.db.core import reserved_keys

    return key not in reserved_keys and isinstance(value, (str, int, float, np.number))


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


_WRITERS: dict[Format, tuple[str, Writer]] = {
    Format.CIF: (".cif.zip", _write_cifs),
    Format.POSCAR: (".poscar.zip", _zipped("vasp", poscar_text)),
    Format.DB: (".db", _write_database),
    Format.SDF: (".sdf", write_sdf),
    Format.SMI: (".smi", write_smiles),
}
_OF_ALL = {Format.CIF, Format.POSCAR, Format.DB}
"""Formats of all structures, not of the unique ones alone."""

OF_CRYSTALS = {Format.CIF, Format.POSCAR, Format.VASP}
OF_MOLECULES = {Format.SDF, Format.SMI}
"""What the other kind of structures can't be written as."""
