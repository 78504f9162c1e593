"""Space groups and standard cells, by spglib."""

from functools import cache

import ase
import numpy as np
import spglib
from ase.spacegroup import Spacegroup
from numpy.typing import NDArray

from rm_lammps.geometry.symmetry import SYMPREC, SpaceGroup, space_group, spglib_cell

Array = NDArray[np.float64]

TIGHT_SYMPREC = 0.01
"""Å; what is symmetric within it was relaxed with its symmetry."""

LOOSE_SYMPREC = 0.3
"""Å; as well as a model of many elements knows where atoms belong."""


def order_of_symmetry(atoms: ase.Atoms, group: SpaceGroup) -> int:
    """Order of the point group that a structure has within ``LOOSE_SYMPREC``.

    Args:
        atoms: the structure.
        group: its space group within a smaller tolerance, which counts where spglib finds less in
            the larger one.
    """
    loose = space_group(atoms, LOOSE_SYMPREC)
    return max(point_group_order(group.number), point_group_order(loose.number))


@cache
def point_group_order(number: int) -> int:
    """Order of the point group of a space group; 1 for an unknown one, 0."""
    if number == 0:
        return 1
    operations = Spacegroup(number)
    return operations.nsymop // operations.nsubtrans


def elements_together(numbers: NDArray[np.integer], like: NDArray[np.integer]) -> NDArray[np.intp]:
    """Order of atoms in which those of an element stand together, and else stay as they are.

    Args:
        numbers: atomic numbers, shape (n,).
        like: atomic numbers in whose order the elements come.
    """
    first = {z: k for k, z in reversed(list(enumerate(like)))}
    return np.argsort([first[z] for z in numbers], kind="stable")


def symmetrised(
    atoms: ase.Atoms, symprec: float = SYMPREC, *, to_primitive: bool = False
) -> ase.Atoms:
    """Standard cell with atoms on their ideal sites, conventional unless asked otherwise.

    Elements come in the order in which they first appear in ``atoms``, atoms of one element in
    spglib's order. The content of the cell may be a multiple or a fraction of the original's.

    Args:
        atoms: the structure; returned as it is where spglib finds no symmetry, and for molecules.
        symprec: how far atoms may be from their ideal sites, Å.
        to_primitive: give the primitive cell.
    """
    standard = None
    if atoms.pbc.all():
        standard = spglib.standardize_cell(
            spglib_cell(atoms), to_primitive=to_primitive, no_idealize=False, symprec=symprec
        )
    if standard is None:
        return ase.Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
    lattice, sites, numbers = standard
    order = elements_together(numbers, atoms.numbers)
    return ase.Atoms(numbers[order], scaled_positions=sites[order], cell=lattice, pbc=True)
