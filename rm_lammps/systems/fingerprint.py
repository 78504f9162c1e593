"""A few numbers by which different structures are told apart cheaply.

Distances to the k-th neighbour, and of these, over the atoms of an element, the smallest, the
quartiles and the largest. No cell, origin, orientation or order of atoms changes them, and
displacing every atom by at most d changes none by more than 2 d, so a tolerance on them is one on
positions. (A binned distribution of distances has no such bound.) They condense the pointwise
distance distributions of Widdowson and Kurlin, arXiv 2108.04798; the package of that method needs
numba, and the neighbour list is here already.
"""

import ase
import numpy as np
from numpy.typing import NDArray

from rm_lammps.geometry import pairs_of

NEIGHBOURS = 32
"""Neighbours that count: out to about 2 (V/N)^(1/3)."""

LEVELS = (0, 0.25, 0.5, 0.75, 1)
"""Smallest, quartiles, largest."""

_FIRST_CUTOFF = 2.4
"""(V/N)^(1/3); a sphere of this radius holds 58 atoms on average."""
_GROWTH = 1.3


def fingerprint(atoms: ase.Atoms) -> NDArray[np.float32]:
    """Spread of the distances to the k-th neighbour, for each element by itself.

    Args:
        atoms: a structure; Å.

    Returns:
        Elements by atomic number, then ``LEVELS``, then k; shape
        (n_elements * len(LEVELS) * NEIGHBOURS,). Crystals: in units of (V/N)^(1/3), so that it is
        the same at any density. Others: in Å; a molecule has fewer neighbours, the rest is zero.
    """
    if atoms.pbc.any():
        # a density means nothing where there is vacuum
        unit = (atoms.get_volume() / len(atoms)) ** (1 / 3) if atoms.pbc.all() else 1.0
        nearest = _distances(atoms, unit)
    else:
        nearest = np.sort(atoms.get_all_distances(), axis=1)[:, 1 : NEIGHBOURS + 1]
    elements = np.unique(atoms.numbers)
    padded = np.zeros((len(elements), len(LEVELS), NEIGHBOURS), dtype=np.float32)
    for row, z in zip(padded, elements, strict=True):
        # this kind of quantile is the same for a supercell
        some = np.quantile(nearest[atoms.numbers == z], LEVELS, axis=0, method="inverted_cdf")
        row[:, : some.shape[1]] = some
    return padded.ravel()


def _distances(atoms: ase.Atoms, unit: float) -> NDArray[np.float64]:
    """Distances to the nearest neighbours, shape (n, NEIGHBOURS); ``unit`` in Å."""
    n = len(atoms)
    cutoff = _FIRST_CUTOFF * unit
    while True:
        i, d = pairs_of("id", atoms, cutoff)
        counts = np.bincount(i, minlength=n)
        if counts.min() >= NEIGHBOURS:
            break
        # empty space around an atom: look further
        cutoff *= _GROWTH
    order = np.lexsort((d, i))
    first = np.concatenate(([0], np.cumsum(counts)[:-1]))
    return d[order][first[:, None] + np.arange(NEIGHBOURS)] / unit
