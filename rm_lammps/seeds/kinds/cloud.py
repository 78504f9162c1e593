"""Random clouds: the seeds of molecules."""

from collections.abc import Mapping

import ase
import numpy as np
from pydantic import Field, model_validator

from rm_lammps.datasets import DatasetStatistics
from rm_lammps.geometry import Array
from rm_lammps.seeds.seeder import SEEDS, Seed, Seeder, SeedRequest

_TRIES = 30
_SHRINK = 0.95


@SEEDS.register
class CloudSeeds(Seeder):
    """Atoms at random places in a ball."""

    name = "cloud"
    suits = frozenset({"molecule"})

    cloud: tuple[float, float] = Field(
        (0.9, 1.2), description="range of the radius, in units of the data's"
    )
    min_distance: float = Field(
        0.8, ge=0, le=1, description="in units of the pair's shortest distance in the data"
    )

    @model_validator(mode="after")
    def _possible(self) -> "CloudSeeds":
        low, high = self.cloud
        if not 0 < low <= high < np.inf:
            raise ValueError(f"cloud {self.cloud} must be a range 0 < low <= high")
        return self

    def draw(self, request: SeedRequest) -> Seed:
        """Draw a cloud."""
        statistics = request.model.statistics
        return Seed(random_cloud(request.composition, statistics, self, request.rng))


def random_cloud(
    composition: Mapping[str, int],
    statistics: DatasetStatistics,
    settings: CloudSeeds,
    rng: np.random.Generator,
) -> ase.Atoms:
    """Draw atoms at random in a ball, heavy ones and hydrogens alike.

    The ball has the radius that a uniform one of the training molecules' mean extent would have,
    times ``settings.cloud``. No two atoms are closer than the minimum distance; where that leaves
    no place, the distance gives way by 5 % at a time.

    Args:
        composition: atoms by element; their order is kept.
        statistics: of the training data.
        settings: the distribution.
        rng: source of randomness.

    Returns:
        A molecule without cell, centred, Å.
    """
    symbols = [symbol for symbol, n in composition.items() for _ in range(n)]
    radius = rng.uniform(*settings.cloud) * statistics.cloud_radius(len(symbols))
    kinds = np.repeat(np.arange(len(composition)), list(composition.values()))
    of_elements = statistics.min_distance_matrix(composition, composition)
    least = settings.min_distance * of_elements[np.ix_(kinds, kinds)]
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
