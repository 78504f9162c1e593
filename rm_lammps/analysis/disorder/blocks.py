"""Neighbours of large cells, a block of atoms at a time: memory does not grow with the cell."""

from collections.abc import Iterator
from dataclasses import dataclass

import ase
import numpy as np
from numpy.typing import NDArray

from rm_lammps.geometry import Array, pairs_within

Ints = NDArray[np.int64]

_WHOLE = 8_000
"""Atoms up to which a cell is one block."""


@dataclass(frozen=True)
class Pairs:
    """Ordered pairs of atoms of a cell."""

    first: Ints
    second: Ints
    vectors: Array
    """From the first to the second's image, shape (pairs, 3), Å."""
    distances: Array
    """shape (pairs,), Å."""


def pairs_in_blocks(atoms: ase.Atoms, cutoff: float) -> Iterator[Pairs]:
    """All ordered pairs closer than a cutoff, those of a block of first atoms at a time.

    Args:
        atoms: periodic in three directions.
        cutoff: Å.
    """
    cell = atoms.cell.array
    fractional = atoms.get_scaled_positions()
    counts = _grid(atoms, cutoff)
    if counts.prod() == 1:
        first, second, vectors, distances = pairs_within(
            "ijDd", atoms.positions, cell, pbc=(True, True, True), cutoff=cutoff
        )
        yield Pairs(first, second, vectors, distances)
        return
    halo = cutoff / _heights(cell)
    block = np.minimum((fractional * counts).astype(int), counts - 1)
    for number in np.ndindex(*counts.tolist()):
        inside = (block == number).all(axis=1)
        middle = (np.array(number) + 0.5) / counts
        apart = fractional - middle
        apart -= np.round(apart)
        near = np.flatnonzero((np.abs(apart) <= 0.5 / counts + halo).all(axis=1))
        if not inside.any():
            continue
        positions = apart[near] @ cell
        first, second, vectors, distances = pairs_within(
            "ijDd", positions, cell, pbc=(False, False, False), cutoff=cutoff
        )
        own = inside[near][first]
        yield Pairs(near[first[own]], near[second[own]], vectors[own], distances[own])


def _heights(cell: Array) -> Array:
    """Distances between opposite faces, Å."""
    heights: Array = 1.0 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    return heights


def _grid(atoms: ase.Atoms, cutoff: float) -> Ints:
    """Blocks along each vector; one where an atom would see two images of another."""
    heights = _heights(atoms.cell.array)
    edge = (_WHOLE * atoms.get_volume() / len(atoms)) ** (1 / 3)
    counts = np.maximum(np.round(heights / edge).astype(int), 1)
    # block and halo on both sides must fit into the cell
    possible = heights / counts + 2 * cutoff <= heights
    if len(atoms) <= _WHOLE or not possible.all():
        return np.ones(3, dtype=int)
    return counts
