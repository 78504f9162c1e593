"""Atoms on Wyckoff positions."""

from itertools import product

import numpy as np

from rm_lammps.geometry import Array
from rm_lammps.seeds.wyckoff import WyckoffPosition

_POINTS = 16
_IMAGES = np.array(list(product((-1, 0, 1), repeat=3)), dtype=float)
_NOT_ITSELF = np.abs(_IMAGES).max(axis=1) > 0

Sites = list[tuple[int, WyckoffPosition]]
"""Wyckoff positions with the number of the element on each."""


def place(
    sites: Sites, cell: Array, limits: Array, rng: np.random.Generator
) -> tuple[Array, np.ndarray] | None:
    """Place atoms site by site, no two closer than allowed.

    Args:
        sites: Wyckoff positions to fill, those without freedom first.
        cell: primitive, shape (3, 3), Å.
        limits: least distance of each pair of elements, shape (elements, elements), Å.
        rng: source of randomness.

    Returns:
        Fractional coordinates, shape (n, 3), and the number of each atom's element, shape (n,);
        ``None`` where no place was found.
    """
    fractions = np.empty((0, 3))
    elements = np.empty(0, dtype=int)
    images = _IMAGES @ cell
    for element, position in sites:
        points = rng.random((_POINTS if position.freedom else 1, 3))
        orbits = position.orbit(points)
        # by symmetry the first atom's distances are those of all its orbit
        first = orbits[:, :1]
        own = orbits[:, 1:] - first
        others = fractions - first
        allowed = np.concatenate(
            [np.full(own.shape[1], limits[element, element]), limits[element, elements]]
        )
        apart = np.concatenate([own, others], axis=1)
        vectors = (apart - np.round(apart)) @ cell
        distances = np.linalg.norm(vectors[:, :, None] + images, axis=-1).min(axis=-1)
        fits = np.flatnonzero((distances >= allowed).all(axis=1))
        lengths = np.linalg.norm(images[_NOT_ITSELF], axis=1)
        if not len(fits) or lengths.min() < limits[element, element]:
            return None
        chosen = orbits[fits[0]]
        fractions = np.concatenate([fractions, chosen])
        elements = np.concatenate([elements, np.full(len(chosen), element)])
    return fractions, elements
