"""Bonds of molecules, by distance alone."""

import ase
import numpy as np
from ase.data import covalent_radii
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

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
