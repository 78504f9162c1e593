"""Periodic geometry shared by data, response and seeds; row vectors, Å."""

from itertools import product
from typing import Any

import ase
import numpy as np
from ase.data import covalent_radii
from matscipy.neighbours import neighbour_list
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

Array = NDArray[np.float64]

_IMAGES = np.array(list(product((-1, 0, 1), repeat=3)), dtype=float)


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
    """Ordered pairs of a crystal or molecule; see :func:`pairs_within`."""
    return pairs_within(
        quantities,
        atoms.positions,
        atoms.cell.array,
        periodic=bool(atoms.pbc.all()),
        cutoff=cutoff,
    )


def minimum_image(vectors: Array, cell: Array) -> Array:
    """Shortest periodic image of each vector.

    Exact for Minkowski-reduced cells; every cell of this package's data sets is made one.

    Args:
        vectors: shape (..., 3), Å.
        cell: shape (3, 3), rows are the cell vectors, Å.

    Returns:
        Vectors that differ from the given ones by lattice vectors, shape (..., 3).

    """
    fractional = vectors @ np.linalg.inv(cell)
    wrapped = (fractional - np.round(fractional)) @ cell
    candidates = wrapped[..., None, :] + _IMAGES @ cell
    nearest = np.argmin(np.einsum("...i,...i->...", candidates, candidates), axis=-1)
    return np.take_along_axis(candidates, nearest[..., None, None], axis=-2)[..., 0, :]


BOND = 1.15
"""Atoms within so many sums of their covalent radii are bonded: this finds the published bonds of
1,495 of 1,500 molecules of QM9."""


def bond_lengths(atoms: ase.Atoms) -> NDArray[np.float64]:
    """Distances in a molecule in units of the sum of both covalent radii, shape (n, n)."""
    radii = covalent_radii[atoms.numbers]
    return np.asarray(atoms.get_all_distances() / np.add.outer(radii, radii))


def bonded(atoms: ase.Atoms) -> NDArray[np.bool_]:
    """Which atoms of a molecule are bonded, by distance alone, shape (n, n)."""
    bonds = bond_lengths(atoms) < BOND
    np.fill_diagonal(bonds, val=False)
    return bonds


def fragments(atoms: ase.Atoms) -> NDArray[np.int_]:
    """Connected pieces of a molecule: number of each atom's piece, from 0, shape (n,)."""
    return connected_components(bonded(atoms), directed=False)[1]
