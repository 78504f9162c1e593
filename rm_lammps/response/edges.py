"""Neighbours of the atoms of many small structures at once.

Cells of a data set hold a few atoms: listing all images that can be near, for all structures whose
images lie in a box of the same size, takes less time than a neighbour list called once a structure.
"""

from dataclasses import dataclass

import numpy as np

from rm_lammps.geometry import Array
from rm_lammps.response.structures import Bools, Ints, Structures, pairs_within_groups

_AT_ONCE = 2_000_000
"""Vectors examined in one go: 48 MB."""


@dataclass(frozen=True)
class EdgeList:
    """Ordered pairs of atoms closer than a cutoff, sorted by structure."""

    centre: Ints
    """shape (edges,)."""
    neighbour: Ints
    """shape (edges,)."""
    vectors: Array
    """From centre to neighbour's image, shape (edges, 3), Å."""


def find_edges(structures: Structures, cutoff: float) -> EdgeList:
    """List the edges of structures.

    Args:
        structures: cells need not be reduced, but should not be far from it: the number of images
            that are looked at grows with their skew. Vectors of directions that are not periodic
            are at right angles to the others.
        cutoff: Å.
    """
    centre, neighbour, owner = pairs_within_groups(structures.counts)
    half = centre <= neighbour if structures.cells is not None else centre < neighbour
    centre, neighbour, owner = centre[half], neighbour[half], owner[half]
    vectors = structures.positions[neighbour] - structures.positions[centre]
    if structures.cells is None:
        found = np.arange(len(centre))
    else:
        found, vectors = _near_images(vectors, structures, owner, cutoff, centre == neighbour)
    near = np.einsum("ni,ni->n", vectors, vectors) < cutoff**2
    found, vectors = found[near], vectors[near]
    centre, neighbour = centre[found], neighbour[found]
    both = np.concatenate([centre, neighbour]), np.concatenate([neighbour, centre])
    order = np.argsort(both[0], kind="stable")
    vectors = np.concatenate([vectors, -vectors])
    return EdgeList(both[0][order], both[1][order], vectors[order])


def _near_images(
    vectors: Array, structures: Structures, owner: Ints, cutoff: float, same: Bools
) -> tuple[Ints, Array]:
    """Images within the cutoff of each pair: index of the pair, vector.

    Of an atom and its own images one of each opposite two is listed.
    """
    cells, pbc = structures.cells, structures.system.pbc
    assert cells is not None
    inverses = np.linalg.inv(cells)
    turns = np.round(np.einsum("ni,nij->nj", vectors, inverses[owner])) * pbc
    vectors = vectors - np.einsum("ni,nij->nj", turns, cells[owner])
    # columns of the inverse are normal to the faces: their lengths are one over the heights
    heights = 1.0 / np.linalg.norm(inverses, axis=1)
    reach = np.floor(cutoff / heights + 0.5).astype(int) * pbc
    boxes, box = np.unique(reach, axis=0, return_inverse=True)
    pairs_by_box = np.argsort(box.ravel()[owner], kind="stable")
    ends = np.cumsum(np.bincount(box.ravel()[owner], minlength=len(boxes)))
    indices, images = [], []
    for number, (start, end) in enumerate(zip(np.r_[0, ends[:-1]], ends, strict=True)):
        grid = _grid(boxes[number])
        step = max(1, _AT_ONCE // len(grid))
        for begin in range(start, end, step):
            chosen = pairs_by_box[begin : min(begin + step, end)]
            pair, image = _within(vectors[chosen], grid, cells, owner[chosen], cutoff, same[chosen])
            indices.append(chosen[pair])
            images.append(image)
    return np.concatenate(indices), np.concatenate(images)


def _within(
    vectors: Array, grid: Array, cells: Array, owner: Ints, cutoff: float, same: Bools
) -> tuple[Ints, Array]:
    structures, local = np.unique(owner, return_inverse=True)
    shifts = grid @ cells[structures]
    # |v + s|² = |v|² + 2 v·s + |s|²
    squares = np.einsum("stj,stj->st", shifts, shifts)[local]
    squares += 2 * np.matmul(shifts[local], vectors[:, :, None])[..., 0]
    squares += np.einsum("nj,nj->n", vectors, vectors)[:, None]
    near = squares < cutoff**2 * (1 + 1e-9)
    # the grid is symmetric: its second half mirrors the first, its middle is the atom itself
    near[same, len(grid) // 2 :] = False
    pair, image = np.nonzero(near)
    return pair, vectors[pair] + shifts[local[pair], image]


def _grid(reach: Ints) -> Array:
    axes = [np.arange(-n, n + 1) for n in reach]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3).astype(float)
