"""Many structures side by side in flat arrays, for work on all of them at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import ase
import numpy as np
from numpy.typing import NDArray

from rm_lammps.geometry import Array
from rm_lammps.systems import System

Ints = NDArray[np.int_]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Structures:
    """Structures of one system, one after the other."""

    positions: Array
    """shape (atoms, 3), Å."""
    numbers: Ints
    """Atomic numbers, shape (atoms,)."""
    counts: Ints
    """Atoms of each structure, shape (structures,)."""
    cells: Array | None
    """Rows are cell vectors, shape (structures, 3, 3), Å; ``None`` for systems without a cell."""
    system: System

    @classmethod
    def of(cls, frames: Sequence[ase.Atoms], system: System) -> "Structures":
        """Put structures of a system side by side."""
        return cls(
            np.concatenate([atoms.positions for atoms in frames]),
            np.concatenate([atoms.numbers for atoms in frames]).astype(int),
            np.array([len(atoms) for atoms in frames]),
            np.stack([atoms.cell.array for atoms in frames]) if system.has_cell else None,
            system,
        )

    def __len__(self) -> int:
        return len(self.counts)

    @property
    def first(self) -> Ints:
        """Index of each structure's first atom, shape (structures,)."""
        return np.cumsum(self.counts) - self.counts

    @property
    def owner(self) -> Ints:
        """Structure of each atom, shape (atoms,)."""
        return np.repeat(np.arange(len(self)), self.counts)


def means(values: Array, counts: Ints) -> Array:
    """Mean over the atoms of each structure.

    Args:
        values: shape (atoms, ...).
        counts: atoms of each structure, at least one.

    Returns:
        shape (structures, ...).
    """
    sums: Array = np.add.reduceat(values, np.cumsum(counts) - counts, axis=0)
    return sums / counts.reshape(-1, *[1] * (values.ndim - 1))


def pairs_within_groups(counts: Ints) -> tuple[Ints, Ints, Ints]:
    """All ordered pairs of members of the same group, members numbered through all groups.

    Args:
        counts: members of each group.

    Returns:
        First member, second member and group of each pair; pairs of a group stand together, in the
        order of a matrix.
    """
    first = np.cumsum(counts) - counts
    group = np.repeat(np.arange(len(counts)), counts**2)
    within = np.arange(len(group)) - np.repeat(np.cumsum(counts**2) - counts**2, counts**2)
    size = counts[group]
    return first[group] + within // size, first[group] + within % size, group


def minimum_images(
    vectors: Array, cells: Array, inverses: Array, owner: Ints, pbc: Sequence[bool]
) -> Array:
    """Shortest periodic image of each vector, each in a Minkowski-reduced cell of its own.

    Args:
        vectors: shape (n, 3), Å.
        cells: shape (structures, 3, 3), Å.
        inverses: of the cells.
        owner: structure of each vector, shape (n,).
        pbc: directions that are periodic; the others are at right angles to them.
    """
    turns = np.round(np.einsum("ni,nij->nj", vectors, inverses[owner]))
    steps = _IMAGES
    if not all(pbc):
        turns *= pbc
        steps = steps[~steps[:, ~np.array(pbc)].any(axis=1)]
    wrapped = vectors - np.einsum("ni,nij->nj", turns, cells[owner])
    squares = np.einsum("ni,ni->n", wrapped, wrapped)
    # no image is shorter than a vector below half the shortest lattice vector
    shortest = np.einsum("sij,sij->si", cells, cells)[:, list(pbc)].min(axis=1)
    (far,) = np.nonzero(squares > 0.25 * shortest[owner])
    if len(far) == 0:
        return wrapped
    images = np.einsum("ti,sij->stj", steps, cells)[owner[far]]
    images += wrapped[far, None]
    nearest = np.einsum("ntj,ntj->nt", images, images).argmin(axis=1)
    wrapped[far] = images[np.arange(len(far)), nearest]
    return wrapped


_IMAGES = np.stack(np.meshgrid(*[[-1.0, 0.0, 1.0]] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
