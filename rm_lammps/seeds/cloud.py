"""Random clouds: the seeds of molecules."""

from collections.abc import Mapping

import ase
import numpy as np

from rm_lammps.datasets import DatasetStatistics
from rm_lammps.geometry import Array
from rm_lammps.seeds.config import SeedConfig

_TRIES = 30
_SHRINK = 0.95


def random_cloud(
    composition: Mapping[str, int],
    statistics: DatasetStatistics,
    config: SeedConfig,
    rng: np.random.Generator,
) -> ase.Atoms:
    """Draw atoms at random in a ball, heavy ones and hydrogens alike.

    The ball has the radius that a uniform one of the training molecules' mean extent would have,
    times ``config.cloud``. No two atoms are closer than the minimum distance; where that leaves no
    place, the distance gives way by 5 % at a time.

    Args:
        composition: atoms by element; their order is kept.
        statistics: of the training data.
        config: the distribution.
        rng: source of randomness.

    Returns:
        A molecule without cell, centred, Å.
    """
    symbols = [symbol for symbol, n in composition.items() for _ in range(n)]
    radius = rng.uniform(*config.cloud) * statistics.cloud_radius(len(symbols))
    kinds = np.repeat(np.arange(len(composition)), list(composition.values()))
    of_elements = statistics.min_distance_matrix(composition, composition)
    least = config.min_distance * of_elements[np.ix_(kinds, kinds)]
    positions = np.empty((0, 3))
    for limits in least:
        positions = np.vstack([positions, _place(positions, limits[: len(positions)], radius, rng)])
    return ase.Atoms(symbols, positions - positions.mean(axis=0))


def _place(positions: Array, limits: Array, radius: float, rng: np.random.Generator) -> Array:
    """A point of the ball with the least distance to each of the positions, Å."""
    scale = 1.0
    while True:
        for _ in range(_TRIES):
            direction = rng.standard_normal(3)
            point = radius * rng.random() ** (1 / 3) * direction / np.linalg.norm(direction)
            if (np.linalg.norm(positions - point, axis=1) >= scale * limits).all():
                return point
        scale *= _SHRINK
