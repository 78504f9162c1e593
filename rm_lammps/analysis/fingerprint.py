"""A few numbers by which different structures are told apart cheaply.

The average minimum distances (AMD) of Widdowson and Kurlin: the distance to the k-th neighbour,
averaged over the atoms. No cell, origin, orientation or order of atoms changes them, and displacing
every atom by at most d changes none by more than 2 d, so a tolerance on them is one on positions.
A binned distribution of distances has no such bound. The package of that name needs numba; the
neighbour list is here already.
"""

import ase
import numpy as np
from numpy.typing import NDArray

from rm_lammps.geometry import pairs_within

NEIGHBOURS = 32
"""Neighbours that count: out to about 2 (V/N)^(1/3)."""

_FIRST_CUTOFF = 2.4
"""(V/N)^(1/3); a sphere of this radius holds 58 atoms on average."""
_GROWTH = 1.3


def fingerprint(atoms: ase.Atoms) -> NDArray[np.float32]:
    """Average distance to the k-th neighbour, for each element by itself.

    Args:
        atoms: a crystal, or a molecule without cell.

    Returns:
        Elements by atomic number, then k; shape (n_elements * NEIGHBOURS,). Crystals: in units of
        (V/N)^(1/3), so that it is the same at any density. Molecules: in Å; a molecule has fewer
        neighbours, the rest is zero.
    """
    periodic = bool(atoms.pbc.all())
    if periodic:
        nearest = _crystal_distances(atoms)
    else:
        nearest = np.sort(atoms.get_all_distances(), axis=1)[:, 1 : NEIGHBOURS + 1]
    rows = [nearest[atoms.numbers == z].mean(axis=0) for z in np.unique(atoms.numbers)]
    padded = np.zeros((len(rows), NEIGHBOURS), dtype=np.float32)
    padded[:, : nearest.shape[1]] = rows
    return padded.ravel()


def _crystal_distances(atoms: ase.Atoms) -> NDArray[np.float64]:
    """Distances to the nearest neighbours in units of (V/N)^(1/3), shape (n, NEIGHBOURS)."""
    n = len(atoms)
    unit = (atoms.get_volume() / n) ** (1 / 3)
    cutoff = _FIRST_CUTOFF * unit
    while True:
        i, d = pairs_within("id", atoms.positions, atoms.cell.array, periodic=True, cutoff=cutoff)
        counts = np.bincount(i, minlength=n)
        if counts.min() >= NEIGHBOURS:
            break
        # empty space around an atom: look further
        cutoff *= _GROWTH
    order = np.lexsort((d, i))
    first = np.concatenate(([0], np.cumsum(counts)[:-1]))
    return d[order][first[:, None] + np.arange(NEIGHBOURS)] / unit
