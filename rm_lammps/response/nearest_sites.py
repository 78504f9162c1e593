"""Find the equilibrium site that each noisy atom belongs to.

A potential knows neither the labels of identical atoms, nor the lattice vector an atom was moved
by, nor where the whole structure sits. Displacements are therefore measured to the *nearest*
assignment of sites: the least sum of squares over permutations within each species, periodic
images and rigid translations (and rotations, for molecules). What remains is what a local,
invariant energy can represent.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.transform import Rotation

from rm_lammps.geometry import Array, minimum_image

_MAX_ROUNDS = 10


def matched_displacements(
    sites: Array,
    displacements: Array,
    numbers: NDArray[np.int_],
    cell: Array | None,
    *,
    permute: bool = True,
) -> Array:
    """Displacement of each atom from its site in the nearest assignment.

    Rigid motion and assignment are improved in turn until the assignment no longer changes: a
    local optimum, and the global one for displacements small against the distance between
    identical atoms.

    Args:
        sites: equilibrium positions, shape (n, 3), Å.
        displacements: of atom i from site i as the noise drew them, shape (n, 3), Å.
        numbers: atomic numbers, shape (n,).
        cell: Minkowski-reduced cell of the sites, shape (3, 3), Å; ``None`` for molecules.
        permute: let identical atoms exchange sites.

    Returns:
        Displacements, shape (n, 3), Å, with zero mean; for molecules without net rotation.

    """
    positions = sites + displacements
    # the mean of the drawn displacements survives exchanges of atoms, the mean of the nearest
    # images survives lattice vectors: each is the better start where the other fails
    starts = [_follow(sites, positions, cell)]
    if permute and cell is not None:
        starts.append(sites + displacements.mean(axis=0))
    candidates = [
        _nearest(sites, positions, numbers, cell, start, permute=permute) for start in starts
    ]
    return min(candidates, key=lambda u: float(np.sum(u**2)))


def _nearest(
    sites: Array,
    positions: Array,
    numbers: NDArray[np.int_],
    cell: Array | None,
    moved: Array,
    *,
    permute: bool,
) -> Array:
    """Improve assignment and rigid motion in turn, from sites moved to ``moved``."""
    order = np.arange(len(numbers))
    for _ in range(_MAX_ROUNDS if permute else 0):
        new_order = _assign(positions, moved, numbers, cell)
        if (new_order == order).all():
            break
        order = new_order
        moved = _follow(sites[order], positions, cell)
        # back to the sites' own order, in which the next assignment is sought
        moved = moved[np.argsort(order)]
    remaining = positions - moved[order]
    if cell is not None:
        remaining = minimum_image(remaining, cell)
    return remaining - remaining.mean(axis=0)


def _follow(sites: Array, positions: Array, cell: Array | None) -> Array:
    """Move the sites rigidly to where the atoms assigned to them are; shape (n, 3), Å."""
    if cell is not None:
        offsets = positions - sites
        # relative to one atom first: a mean over atoms in different images means nothing
        mean = offsets[0] + minimum_image(offsets - offsets[0], cell).mean(axis=0)
        return sites + mean + minimum_image(offsets - mean, cell).mean(axis=0)
    centre, target = sites.mean(axis=0), positions.mean(axis=0)
    if len(sites) < 3:
        return _follow_line(sites - centre, positions - target) + target
    rotation, _ = Rotation.align_vectors(positions - target, sites - centre)
    return rotation.apply(sites - centre) + target


def _follow_line(sites: Array, positions: Array) -> Array:
    """Turn a centred atom or dimer, for which the rotation of least squares is not unique."""
    length = np.linalg.norm(positions, axis=1, keepdims=True)
    if len(sites) < 2 or length.min() == 0:
        return sites
    return positions / length * np.linalg.norm(sites, axis=1, keepdims=True)


def _assign(
    positions: Array, sites: Array, numbers: NDArray[np.int_], cell: Array | None
) -> NDArray[np.int_]:
    """For each atom, the index of its site under the permutation of least squares."""
    order = np.arange(len(numbers))
    for number in np.unique(numbers):
        (same,) = np.nonzero(numbers == number)
        vectors = positions[same][:, None] - sites[same][None, :]
        if cell is not None:
            vectors = minimum_image(vectors, cell)
        _, columns = linear_sum_assignment(np.einsum("ijk,ijk->ij", vectors, vectors))
        order[same] = same[columns]
    return order
