"""Cells: minimal images, reduced cells, supercells; rows are cell vectors, Å."""

from collections.abc import Sequence
from itertools import product

import numpy as np
from ase.geometry import minkowski_reduce

from rm_lammps.geometry.arrays import Array

_IMAGES = np.array(list(product((-1, 0, 1), repeat=3)), dtype=float)
_SUMS = np.array([s for s in product((-1, 0, 1), repeat=3) if np.count_nonzero(s) > 1])
_SHORTER = 0.02
"""Relative gain in length for which a cell is reduced."""


def minimum_image(vectors: Array, cell: Array, pbc: Sequence[bool] = (True, True, True)) -> Array:
    """Shortest periodic image of each vector.

    Exact for Minkowski-reduced cells; every cell of this package's data sets is made one.

    Args:
        vectors: shape (..., 3), Å.
        cell: shape (3, 3), rows are the cell vectors, Å.
        pbc: directions that are periodic; the others are at right angles to them.

    Returns:
        Vectors that differ from the given ones by lattice vectors, shape (..., 3).

    """
    fractional = vectors @ np.linalg.inv(cell)
    wrapped = (fractional - np.round(fractional) * pbc) @ cell
    candidates = wrapped[..., None, :] + _IMAGES[~_IMAGES[:, ~np.array(pbc)].any(axis=1)] @ cell
    nearest = np.argmin(np.einsum("...i,...i->...", candidates, candidates), axis=-1)
    return np.take_along_axis(candidates, nearest[..., None, None], axis=-2)[..., 0, :]


def widest_gaps(fractional: Array) -> tuple[Array, Array]:
    """Find where the widest gap between atoms begins along each axis, and its width.

    Args:
        fractional: coordinates, shape (n, 3).

    Returns:
        Beginnings and widths, shapes (3,), in units of the cell vectors.
    """
    inside = np.sort(fractional % 1.0, axis=0)
    gaps = np.diff(inside, axis=0, append=inside[:1] + 1)
    widest = gaps.argmax(axis=0)
    axes = np.arange(3)
    return inside[widest, axes], gaps[widest, axes]


def is_reduced(cell: Array) -> bool:
    """Whether no sum or difference of cell vectors is clearly shorter than the longest in it.

    Cells of high symmetry have some that are as long: no reason to change vectors back and forth.
    """
    lengths = np.linalg.norm(cell, axis=1)
    longest = (np.abs(_SUMS) * lengths).max(axis=1)
    return bool((np.linalg.norm(_SUMS @ cell, axis=1) > (1 - _SHORTER) * longest).all())


def reduced(cell: Array) -> Array:
    """A right-handed reduced cell of the same lattice, the given one if it can be.

    Args:
        cell: shape (3, 3), Å; a right-handed one that :func:`is_reduced` comes back as it is, a
            left-handed one with all its vectors turned round.
    """
    short = cell if is_reduced(cell) else minkowski_reduce(cell)[0]
    return short if np.linalg.det(short) > 0 else -short
