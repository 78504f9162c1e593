"""Supercells of crystals."""

from functools import lru_cache
from itertools import product
from operator import itemgetter

import ase
import numpy as np
from ase.geometry import minkowski_reduce
from numpy.typing import NDArray

_SHAPES = 30
"""Supercells drawn, of which the most compact one is taken."""


def repeated(structure: ase.Atoms, cells: int, rng: np.random.Generator) -> ase.Atoms:
    """The structure in a supercell of so many cells, nearly as compact as can be."""
    if cells == 1:
        return structure

    def compact() -> tuple[float, NDArray[np.int_]]:
        matrix = supercell_matrix(cells, rng)
        vectors, change = minkowski_reduce(matrix @ structure.cell.array)
        return float(np.square(vectors).sum()), change @ matrix

    _, best = min((compact() for _ in range(_SHAPES)), key=itemgetter(0))
    from ase.build import make_supercell  # which imports much of scipy

    return make_supercell(structure, best)


def supercell_matrix(cells: int, rng: np.random.Generator) -> NDArray[np.int_]:
    """One of all different supercells of so many cells: a Hermite normal form."""
    diagonals, shares = _diagonals(cells)
    a, b, c = diagonals[rng.choice(len(diagonals), p=shares)]
    return np.array([[a, rng.integers(b), rng.integers(c)], [0, b, rng.integers(c)], [0, 0, c]])


@lru_cache
def _diagonals(cells: int) -> tuple[list[tuple[int, int, int]], NDArray[np.float64]]:
    """Diagonals of Hermite normal forms, and the share of the forms that have each."""
    divisors = range(1, cells + 1)
    diagonals = [(a, b, c) for a, b, c in product(divisors, repeat=3) if a * b * c == cells]
    number = np.array([b * c**2 for _, b, c in diagonals])
    return diagonals, number / number.sum()
