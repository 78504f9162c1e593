"""How a structure lies in LAMMPS's box, and how it is taken out of it again; Å."""

from collections.abc import Sequence
from dataclasses import dataclass

import ase
import numpy as np
from ase.geometry import minkowski_reduce

from rm_lammps.geometry import Array, is_reduced, upright, widest_gaps

_GAP = 3.0
"""Å; what atoms on both sides of a layer take up beyond their centres."""
_FREE = 0.5
"""Share of the largest possible distance from atoms that a cell's faces keep."""


@dataclass(frozen=True)
class Placement:
    """A structure as LAMMPS wants it."""

    cell: Array | None
    """Rows (lx, 0, 0), (xy, ly, 0), (xz, yz, lz), Å; ``None``: a box is fitted to the atoms."""
    positions: Array
    """From the corner of the cell, Å, shape (n, 3)."""
    rotation: Array
    """Turns vectors into LAMMPS's orientation: v_lammps = v @ rotation.T."""


def place(atoms: ase.Atoms, room: float) -> Placement:
    """Reduce and turn the cell, and put its faces into the widest gaps between atoms.

    Args:
        atoms: Å; those without any periodicity stay as they are.
        room: Å; see :func:`~rm_lammps.geometry.upright`.
    """
    if not atoms.pbc.any():
        return Placement(None, atoms.positions, np.eye(3))
    cell, rotation = ase.cell.Cell(upright(atoms, room)).standard_form()
    fractional = cell.scaled_positions(atoms.positions @ rotation.T)
    # fix box/relax misplaces atoms that are wrapped during a minimisation
    # (docs/explanation/box_relax.md)
    begin, width = widest_gaps(fractional)
    placed = (fractional - begin - width / 2) % 1.0 % 1.0
    alone = ~atoms.pbc
    if alone.any():
        low, high = fractional.min(axis=0), fractional.max(axis=0)
        placed[:, alone] = (fractional - (low + high) / 2 + 0.5)[:, alone]
    return Placement(cell.array, placed @ cell.array, np.asarray(rotation))


def standard(atoms: ase.Atoms) -> ase.Atoms:
    """Sites and reduced cell alone; see :meth:`rm_lammps.systems.System.standard`."""
    alone = ase.Atoms(atoms.numbers, atoms.positions)
    if atoms.pbc.all():
        alone.set_cell(minkowski_reduce(atoms.cell.array)[0])
    elif atoms.pbc.any():
        cell, rotation = ase.cell.Cell(upright(atoms, _GAP, keep=False)).standard_form()
        alone.set_cell(cell)
        alone.positions = atoms.positions @ np.asarray(rotation).T
    alone.pbc = atoms.pbc
    return alone


def is_tidy(positions: Array, cell: Array, pbc: Sequence[bool]) -> bool:
    """Whether the cell is reduced, and no face much nearer to an atom than it need be.

    Args:
        positions: from the corner of the cell, Å.
        cell: Å.
        pbc: faces of other directions don't count.
    """
    fractional = ase.cell.Cell(cell).scaled_positions(positions)
    clearance = np.minimum(fractional.min(axis=0), 1 - fractional.max(axis=0))
    free = clearance >= _FREE * widest_gaps(fractional)[1] / 2
    return bool(free[list(pbc)].all()) and is_reduced(cell)


def taken_out(
    numbers: Sequence[int], positions: Array, cell: Array, pbc: Sequence[bool], room: float
) -> ase.Atoms:
    """The structure in a box, its cell reduced and its atoms in it.

    Args:
        numbers: atomic numbers.
        positions: Å.
        cell: the box, Å; unused where nothing is periodic.
        pbc: of the structure.
        room: Å; see :func:`~rm_lammps.geometry.upright`.
    """
    if not any(pbc):
        return ase.Atoms(numbers, positions)
    structure = ase.Atoms(numbers, positions, cell=cell, pbc=pbc)
    structure.set_cell(upright(structure, room))
    structure.wrap()
    return structure
