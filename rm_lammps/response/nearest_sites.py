"""Find the equilibrium site that each noisy atom belongs to.

A potential knows neither the labels of identical atoms, nor the lattice vector an atom was moved
by, nor where the whole structure sits. Displacements are therefore measured to the *nearest*
assignment of sites: the least sum of squares over permutations within each species, periodic
images and the rigid motions that leave the structure as it is. The system says which these are
(:attr:`~rm_lammps.systems.System.invariances`). What remains is what a local, invariant energy can
represent.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.transform import Rotation

from rm_lammps.geometry import Array, minimum_image
from rm_lammps.systems import System

_MAX_ROUNDS = 10


def matched_displacements(
    sites: Array,
    displacements: Array,
    numbers: NDArray[np.int_],
    cell: Array | None,
    system: System,
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
        cell: Minkowski-reduced cell of the sites, shape (3, 3), Å; ``None`` for systems without.
        system: what the structure is.
        permute: let identical atoms exchange sites.

    Returns:
        Displacements, shape (n, 3), Å, with zero mean along the directions in which the structure
        may be moved, and without net rotation where it may be turned.

    """
    structure = _Structure(sites, numbers, cell, system)
    positions = sites + displacements
    # the mean of the drawn displacements survives exchanges of atoms, the mean of the nearest
    # images survives lattice vectors: each is the better start where the other fails
    starts = [structure.follow(sites, positions)]
    if permute and cell is not None:
        starts.append(sites + structure.translational(displacements.mean(axis=0)))
    candidates = [structure.nearest(positions, start, permute=permute) for start in starts]
    return min(candidates, key=lambda u: float(np.sum(u**2)))


@dataclass(frozen=True)
class _Structure:
    """Sites that atoms belong to; arguments of :func:`matched_displacements`."""

    sites: Array
    numbers: NDArray[np.int_]
    cell: Array | None
    system: System

    @property
    def translational(self) -> Callable[[Array], Array]:
        return self.system.invariances.translational

    def images(self, vectors: Array) -> Array:
        """The nearest images of vectors."""
        if self.cell is None:
            return vectors
        return minimum_image(vectors, self.cell, self.system.invariances.images)

    def nearest(self, positions: Array, moved: Array, *, permute: bool) -> Array:
        """Improve assignment and rigid motion in turn, from sites moved to ``moved``."""
        order = np.arange(len(self.numbers))
        for _ in range(_MAX_ROUNDS if permute else 0):
            new_order = self._assign(positions, moved)
            if (new_order == order).all():
                break
            order = new_order
            moved = self.follow(self.sites[order], positions)
            # back to the sites' own order, in which the next assignment is sought
            moved = moved[np.argsort(order)]
        remaining = self.images(positions - moved[order])
        return remaining - self.translational(remaining.mean(axis=0))

    def follow(self, sites: Array, positions: Array) -> Array:
        """Move sites rigidly to where the atoms assigned to them are; shape (n, 3), Å."""
        axes = self.system.invariances.rotations
        if all(axes):
            return _turned(sites, positions)
        offsets = positions - sites
        # relative to one atom first: a mean over atoms in different images means nothing
        mean = self.translational(offsets[0] + self.images(offsets - offsets[0]).mean(axis=0))
        moved = sites + mean + self.translational(self.images(offsets - mean).mean(axis=0))
        if not any(axes):
            return moved
        centre = moved.mean(axis=0)
        others = moved + self.images(positions - moved)
        return _turned_about(axes.index(True), moved - centre, others - centre) + centre

    def _assign(self, positions: Array, sites: Array) -> NDArray[np.int_]:
        """For each atom, the index of its site under the permutation of least squares."""
        order = np.arange(len(self.numbers))
        for number in np.unique(self.numbers):
            (same,) = np.nonzero(self.numbers == number)
            vectors = self.images(positions[same][:, None] - sites[same][None, :])
            _, columns = linear_sum_assignment(np.einsum("ijk,ijk->ij", vectors, vectors))
            order[same] = same[columns]
        return order


def _turned(sites: Array, positions: Array) -> Array:
    centre, target = sites.mean(axis=0), positions.mean(axis=0)
    if len(sites) < 3:
        return _follow_line(sites - centre, positions - target) + target
    rotation, _ = Rotation.align_vectors(positions - target, sites - centre)
    return rotation.apply(sites - centre) + target


def _turned_about(axis: int, vectors: Array, targets: Array) -> Array:
    """Turn vectors about an axis, as near to the targets as can be."""
    j, k = (axis + 1) % 3, (axis + 2) % 3
    along = np.sum(vectors[:, j] * targets[:, j] + vectors[:, k] * targets[:, k])
    across = np.sum(vectors[:, j] * targets[:, k] - vectors[:, k] * targets[:, j])
    turn = np.arctan2(across, along) * np.eye(3)[axis]
    return np.asarray(Rotation.from_rotvec(turn).apply(vectors))


def _follow_line(sites: Array, positions: Array) -> Array:
    """Turn a centred atom or dimer, for which the rotation of least squares is not unique."""
    length = np.linalg.norm(positions, axis=1, keepdims=True)
    if len(sites) < 2 or length.min() == 0:
        return sites
    return positions / length * np.linalg.norm(sites, axis=1, keepdims=True)
