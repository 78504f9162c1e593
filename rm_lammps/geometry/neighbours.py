"""Neighbours of atoms in crystals and molecules, by matscipy."""

from typing import Any

import ase
import numpy as np
from matscipy.neighbours import neighbour_list

from rm_lammps.geometry.arrays import Array
from rm_lammps.geometry.boxes import alone


def pairs_within(
    quantities: str, positions: Array, cell: Array, *, periodic: bool, cutoff: float | dict
) -> Any:
    """Ordered pairs closer than ``cutoff`` (matscipy's ``neighbour_list``, molecules included).

    Args:
        quantities: matscipy's letters, e.g. ``"ijd"``.
        positions: shape (n, 3), Å.
        cell: shape (3, 3), rows are the cell vectors, Å; unused for molecules.
        periodic: periodic in all three directions, or in none.
        cutoff: Å.

    """
    if not periodic:
        # matscipy wants a cell around the atoms even where nothing is periodic
        low, high = positions.min(axis=0), positions.max(axis=0)
        positions, cell = positions - low + 1.0, np.diag(high - low + 2.0)
    return neighbour_list(
        quantities,
        positions=positions,
        cell=cell,
        pbc=[periodic] * 3,
        cutoff=cutoff,
    )


def pairs_of(quantities: str, atoms: ase.Atoms, cutoff: float) -> Any:
    """Ordered pairs of a structure, periodic in whichever directions; see :func:`pairs_within`."""
    if atoms.pbc.any() and not atoms.pbc.all():
        # the images beyond so much vacuum are no neighbours
        atoms = alone(atoms, cutoff + 1.0)
    return pairs_within(
        quantities,
        atoms.positions,
        atoms.cell.array,
        periodic=bool(atoms.pbc.all()),
        cutoff=cutoff,
    )
