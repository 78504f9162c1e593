"""What makes structures the same that are periodic along a and b only."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import ase
import numpy as np
from ase.geometry import minkowski_reduce
from numpy.typing import NDArray
from pymatgen.analysis.structure_matcher import StructureMatcher
from scipy.optimize import linear_sum_assignment

from rm_lammps.geometry import Array
from rm_lammps.systems.identity import Identity

_TRANSLATION = 0.25
"""Å; how far a translation may miss its atoms, as in pymatgen."""
_FACES = 2.0
"""Å; what the atoms of both faces take up beyond their centres."""
_MAPS = [
    matrix
    for numbers in product((-1, 0, 1), repeat=4)
    if abs(np.linalg.det(matrix := np.array(numbers, dtype=float).reshape(2, 2))) > 0.5
]
"""Ways in which a reduced lattice of the plane can lie on another one."""


@dataclass(frozen=True, eq=False)
class Planar:
    """A slab or layer in its primitive cell, up to motions within the plane and turning it over."""

    cell: Array
    """Of the plane, reduced; rows, Å, shape (2, 2)."""
    sites: Array
    """Fractional within the plane, shape (n, 2)."""
    heights: Array
    """From their mean, Å, shape (n,)."""
    numbers: NDArray[np.integer]

    @classmethod
    def of(cls, atoms: ase.Atoms) -> "Planar":
        """Take a structure apart.

        Args:
            atoms: with the cell's third vector at right angles to the others, Å.
        """
        upright = minkowski_reduce(atoms.cell.array, pbc=(True, True, False))[0]
        cell, rotation = ase.cell.Cell(upright).standard_form()
        placed = atoms.positions @ rotation.T
        plane = cell.array[:2, :2]
        heights = placed[:, 2] - placed[:, 2].mean()
        whole = cls(plane, placed[:, :2] @ np.linalg.inv(plane), heights, atoms.numbers)
        return whole._primitive()

    @property
    def unit(self) -> float:
        """Cube root of an atom's volume, Å."""
        area = abs(np.linalg.det(self.cell))
        return float((area * (np.ptp(self.heights) + _FACES) / len(self.numbers)) ** (1 / 3))

    def same(self, other: Identity, matcher: StructureMatcher) -> bool:
        """Whether a motion brings all atoms to those of the other, within the site tolerance."""
        if not isinstance(other, Planar):
            return False
        if not np.array_equal(np.sort(self.numbers), np.sort(other.numbers)):
            return False
        tolerance = matcher.stol * min(self.unit, other.unit)
        for placed in self._placed(other.cell, matcher):
            for shift in _shifts(placed, other, tolerance):
                if _partners(placed, other, shift, tolerance) is not None:
                    return True
        return False

    def _placed(self, cell: Array, matcher: StructureMatcher) -> Iterator["Planar"]:
        """The structure on another lattice, in each way that its own fits it."""
        lengths, angle = _shape(cell)
        for matrix in _MAPS:
            own_lengths, own_angle = _shape(matrix @ self.cell)
            if np.abs(own_lengths / lengths - 1).max() > matcher.ltol:
                continue
            if abs(own_angle - angle) > matcher.angle_tol:
                continue
            sites = self.sites @ np.linalg.inv(matrix)
            for side in (1, -1):
                yield Planar(cell, sites, side * self.heights, self.numbers)

    def _primitive(self) -> "Planar":
        """The smallest cell within the plane."""
        found = {}
        for shift in _shifts(self, self, _TRANSLATION):
            partners = _partners(self, self, shift, _TRANSLATION)
            if partners is not None:
                found[tuple(np.round(shift % 1.0 % 1.0, 6))] = partners
        if len(found) < 2:
            return self
        cell = _lattice(self.cell, np.array(list(found)))
        kept = np.ones(len(self.numbers), dtype=bool)
        for atom in range(len(kept)):
            if kept[atom]:
                kept[[int(partners[atom]) for partners in found.values()]] = False
                kept[atom] = True
        sites = (self.sites @ self.cell @ np.linalg.inv(cell))[kept]
        return Planar(cell, sites, self.heights[kept], self.numbers[kept])


def _shape(cell: Array) -> tuple[Array, float]:
    """Lengths, Å, and angle, degrees, of two vectors."""
    lengths = np.linalg.norm(cell, axis=1)
    cosine = cell[0] @ cell[1] / lengths.prod()
    return lengths, float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def _shifts(first: Planar, second: Planar, tolerance: float) -> Iterator[Array]:
    """Translations within the plane that may bring one to the other, by an atom that is rare."""
    elements, counts = np.unique(first.numbers, return_counts=True)
    rare = elements[counts.argmin()]
    own = np.flatnonzero(first.numbers == rare)[0]
    for atom in np.flatnonzero(second.numbers == rare):
        if abs(second.heights[atom] - first.heights[own]) <= 2 * tolerance:
            yield second.sites[atom] - first.sites[own]


def _partners(
    first: Planar, second: Planar, shift: Array, tolerance: float
) -> NDArray[np.int64] | None:
    """For each atom of one that of the other at its place; ``None`` where some have none.

    Args:
        first: on the lattice of the other.
        second: the other.
        shift: of the first, fractional.
        tolerance: farthest that an atom may be from its partner, Å.
    """
    partners = np.empty(len(first.numbers), dtype=np.int64)
    moves = np.empty((len(partners), 3))
    for z in np.unique(first.numbers):
        here, there = np.flatnonzero(first.numbers == z), np.flatnonzero(second.numbers == z)
        apart = second.sites[there][None] - first.sites[here][:, None] - shift
        flat = (apart - np.round(apart)) @ second.cell
        up = second.heights[there][None] - first.heights[here][:, None]
        vectors = np.concatenate([flat, up[..., None]], axis=-1)
        rows, columns = linear_sum_assignment((vectors**2).sum(axis=-1))
        partners[here[rows]] = there[columns]
        moves[here[rows]] = vectors[rows, columns]
    # the atom that the shift is from need not be where the mean of all is
    moves -= moves.mean(axis=0)
    return partners if np.linalg.norm(moves, axis=1).max() <= tolerance else None


def _lattice(cell: Array, translations: Array) -> Array:
    """Reduced vectors of a lattice with further translations; rows, Å.

    Args:
        cell: of the lattice without them.
        translations: all of them, fractional, shape (n, 2); zero among them.
    """
    area = abs(np.linalg.det(cell)) / len(translations)
    steps = np.array(list(product((-1, 0, 1), repeat=2)), dtype=float)
    vectors = ((translations[:, None] + steps[None]) @ cell).reshape(-1, 2)
    lengths = np.linalg.norm(vectors, axis=1)
    vectors = vectors[np.argsort(lengths)][np.count_nonzero(lengths < _TRANSLATION) :]
    first = vectors[0]
    turned = np.abs(first[0] * vectors[:, 1] - first[1] * vectors[:, 0])
    second = vectors[np.flatnonzero(turned > area / 2)[0]]
    return np.array([first, second])
