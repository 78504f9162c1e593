"""Bonds of molecules, by distance alone."""

import ase
import numpy as np
from ase.data import covalent_radii
from numpy.typing import NDArray

BOND = 1.15
"""Atoms of a molecule within so many sums of their covalent radii are bonded: this finds the
published bonds of 1,495 of 1,500 molecules of QM9."""

SHELL = 1.3
"""Atoms of a disordered solid are neighbours within so many of the data's shortest distances of
their elements: between the first and the second shell of a glass."""

CRYSTAL_SHELL = 1.2
"""Atoms of a crystal are neighbours within so many of the references' shortest distance: crystals
have second shells from 1.41 (close-packed) on, and narrow first ones."""

PLACED = 1.25
"""Where an atom is put next to another, in units of the data's shortest distance of their elements:
not too close whatever the angle, and within reach of a bond."""


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
    from scipy.sparse.csgraph import connected_components  # slow to import

    return connected_components(bonded(atoms), directed=False)[1]
