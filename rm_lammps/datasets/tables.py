"""Tables with a CIF in each row, as CDVAE's data sets."""

import csv
import io
import sys
from collections.abc import Sequence

import ase

from rm_lammps.datasets.cif import read_cif
from rm_lammps.datasets.format_error import FormatError

_COLUMN = "cif"


def looks_like_table(lines: Sequence[str]) -> bool:
    """Whether the first line names columns, one of them ``cif``."""
    return bool(lines) and "," in lines[0] and _COLUMN in _names(lines[0].split(","))


def read_table(text: str) -> list[tuple[ase.Atoms, int | None]]:
    """Read the structure of every row.

    Returns:
        Crystals in Å, the row's other columns in ``info``; and the line on which the row ends.

    Raises:
        FormatError: no such column, a row without one structure, or a truncated file.
    """
    csv.field_size_limit(sys.maxsize)
    rows = csv.reader(io.StringIO(text), strict=True)
    found: list[tuple[ase.Atoms, int | None]] = []
    try:
        header = next(rows, [])
        if _COLUMN not in _names(header):
            raise FormatError(f"no column 'cif' among the columns {header}", line=1)
        column = _names(header).index(_COLUMN)
        found.extend((_structure(header, row, column), rows.line_num) for row in rows if row)
    except csv.Error as error:
        raise FormatError(f"{error}: it is truncated or no CSV", line=rows.line_num) from error
    except FormatError as error:
        error.line, error.frame = rows.line_num, len(found)
        raise
    return found


def _structure(header: list[str], row: list[str], column: int) -> ase.Atoms:
    if len(row) != len(header):
        raise FormatError(f"the row has {len(row)} columns, the header {len(header)}")
    structures = read_cif(row[column])
    if len(structures) != 1:
        raise FormatError(f"the row's cif holds {len(structures)} structures instead of one")
    ((atoms, _),) = structures
    atoms.info = {
        name: value
        for place, (name, value) in enumerate(zip(header, row, strict=True))
        if name and value and place != column
    }
    return atoms


def _names(columns: Sequence[str]) -> list[str]:
    return [name.strip().strip('"').lower() for name in columns]
