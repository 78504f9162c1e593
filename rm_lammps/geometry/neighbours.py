"""Neighbours of atoms in crystals and molecules, by matscipy."""

from collections.abc import Sequence
from typing import Any

import ase
import numpy as np
from matscipy.neighbours import neighbour_list

from rm_lammps.geometry.arrays import Array
from rm_lammps.geometry.boxes import alone


def pairs_within(
    quantities: str, positions: Array, cell: Array, *, pbc: Sequence[bool], cutoff: float
) -> Any:
    """Ordered pairs closer than ``cutoff`` (matscipy's ``neighbour_list``, molecules included).

    Args:
        quantities: matscipy's letters, e.g. ``"ijd"``.
        positions: shape (n, 3), Å.
        cell: shape (3, 3), rows are the cell vectors, Å; without any periodicity unused.
        pbc: directions that are periodic.
        cutoff: Å.

    """
    if not any(pbc):
        # matscipy wants a cell around the atoms even where nothing is periodic
        low, high = positions.min(axis=0), positions.max(axis=0)
        positions, cell = positions - low + 1.0, np.diag(high - low + 2.0)
    elif not all(pbc):
        # the images beyond so much vacuum are no neighbours
        atoms = ase.Atoms(positions=positions, cell=cell, pbc=pbc)
        cell, pbc = alone(atoms, cutoff + 1.0).cell.array, (True, True, True)
    return neighbour_list(quantities, positions=positions, cell=cell, pbc=pbc, cutoff=cutoff)


def pairs_of(quantities: str, atoms: ase.Atoms, cutoff: float) -> Any:
    """Ordered pairs of a structure, periodic in whichever directions; see :func:`pairs_within`."""
    return pairs_within(quantities, atoms.positions, atoms.cell.array, pbc=atoms.pbc, cutoff=cutoff)
