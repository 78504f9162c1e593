"""Read equilibrium structures from the files people have."""

import csv
import gzip
import io
import sys
from collections.abc import Iterator
from pathlib import Path

import ase
import ase.io
from ase.io.formats import filetype

from rm_lammps.errors import UserError

SOURCE = "read_from"
"""Key of ``Atoms.info`` under which a structure's file and frame are named in errors."""

_ALLOWED = (
    "Allowed: extxyz, CIF and every other format ASE reads, CSV with a column 'cif' (as CDVAE's), "
    "QM9-style xyz; plain or .gz; or a folder of such files."
)


def read_structures(path: Path | str) -> list[ase.Atoms]:
    """All structures in a file or folder, in the order of the file (folders: sorted by name).

    Args:
        path: a file ASE reads, a CSV with a column ``cif``, a QM9-style ``.xyz``; each plain or
            gzipped; or a folder of them (read recursively, hidden files left out).

    Returns:
        Structures with positions and cell in Å. ``info[SOURCE]`` names file and frame.

    Raises:
        UserError: the file is missing, empty or unreadable; names the file and the frame.

    """
    path = Path(path)
    if not path.exists():
        raise UserError(f"No such data file or folder: {path}", _ALLOWED)
    files = sorted(f for f in path.rglob("*") if _is_data(f, path)) if path.is_dir() else [path]
    frames = [atoms for file in files for atoms in _read_file(file)]
    if not frames:
        raise UserError(f"No structures found in {path}", _ALLOWED)
    return frames


def _is_data(file: Path, root: Path) -> bool:
    parts = file.relative_to(root).parts
    return file.is_file() and not any(part.startswith((".", "_")) for part in parts)


def _read_file(file: Path) -> list[ase.Atoms]:
    suffix = Path(file.stem).suffix if file.suffix == ".gz" else file.suffix
    try:
        # ASE seeks backwards in extxyz, which on a gzip stream costs minutes
        opener = gzip.open if file.suffix == ".gz" else open
        with opener(file, "rt", encoding="utf-8") as stream:
            text = stream.read()
        if suffix == ".csv":
            frames = list(_read_csv(text))
        elif suffix == ".xyz":
            frames = _read_xyz(text)
        else:
            frames = _read_ase(file, text, suffix)
    except UserError:
        raise
    except UnicodeDecodeError:
        frames = _read_binary(file)
    except Exception as error:
        raise UserError(f"Can't read {file}: {type(error).__name__}: {error}", _ALLOWED) from error
    for number, atoms in enumerate(frames):
        atoms.info[SOURCE] = f"{file}, frame {number}"
        atoms.calc = None
    return frames


def _read_ase(file: Path, text: str, suffix: str) -> list[ase.Atoms]:
    # by suffix where there is one, so that the content is decoded once
    format_name = filetype(f"structure{suffix}", read=False) if suffix else filetype(str(file))
    frames = ase.io.read(io.StringIO(text), index=":", format=format_name, parallel=False)
    return frames if isinstance(frames, list) else [frames]


def _read_binary(file: Path) -> list[ase.Atoms]:
    try:
        frames = ase.io.read(file, index=":", parallel=False)
    except Exception as error:
        raise UserError(f"Can't read {file}: {type(error).__name__}: {error}", _ALLOWED) from error
    return frames if isinstance(frames, list) else [frames]


def _read_csv(text: str) -> Iterator[ase.Atoms]:
    """CDVAE-style table: one structure a row, as CIF text in the column ``cif``."""
    from pymatgen.core import Structure
    from pymatgen.io.ase import AseAtomsAdaptor

    csv.field_size_limit(sys.maxsize)
    table = csv.DictReader(io.StringIO(text))
    if "cif" not in (table.fieldnames or ()):
        raise ValueError(f"no column 'cif' among the columns {table.fieldnames}")
    for number, row in enumerate(table):
        try:
            structure = Structure.from_str(row["cif"], fmt="cif")
        except Exception as error:
            raise ValueError(f"row {number}: {error}") from error
        atoms = ase.Atoms(AseAtomsAdaptor.get_atoms(structure))
        atoms.info = {
            name: value for name, value in row.items() if name and name != "cif" and value
        }
        yield atoms


def _read_xyz(text: str) -> list[ase.Atoms]:
    try:
        return list(ase.io.read(io.StringIO(text), index=":", format="extxyz", parallel=False))
    except Exception:
        return [_read_qm9(text)]


def _read_qm9(text: str) -> ase.Atoms:
    """QM9's own xyz: a charge behind each position, ``*^`` for the exponent, three lines after."""
    lines = text.splitlines()
    n_atoms = int(lines[0])
    rows = [line.replace("*^", "e").split() for line in lines[2 : 2 + n_atoms]]
    if len(rows) != n_atoms:
        raise ValueError(f"{n_atoms} atoms announced, {len(rows)} lines found")
    atoms = ase.Atoms([row[0] for row in rows], [[float(x) for x in row[1:4]] for row in rows])
    atoms.info["properties"] = lines[1]
    return atoms
