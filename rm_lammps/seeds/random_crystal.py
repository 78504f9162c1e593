"""Random crystals: atoms at random in a random sheared box.

In the spirit of ab initio random structure searching (Pickard and Needs, J. Phys.: Condens.
Matter 23, 053201 (2011)): sensible volume, sensible distances, otherwise anything.
"""

from collections.abc import Mapping
from math import cos, radians, sqrt

import ase
import numpy as np
from ase.cell import Cell
from pydantic import BaseModel, ConfigDict, Field, model_validator

from rm_lammps.datasets import DatasetStatistics
from rm_lammps.errors import UserError
from rm_lammps.geometry import Array, minimum_image

_TRIES_PER_ATOM = 50
_SHRINK = 0.95


class SeedConfig(BaseModel):
    """Distribution of random crystals."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    volume: tuple[float, float] = Field(
        (0.9, 1.3), description="range, in units of the volume expected from the training data"
    )
    min_distance: float = Field(
        0.8, ge=0, le=1, description="in units of the pair's shortest distance in the data"
    )
    angle: tuple[float, float] = Field((60.0, 120.0), description="range of cell angles, degrees")
    aspect: float = Field(2.0, ge=1, description="largest ratio of two cell lengths")

    @model_validator(mode="after")
    def _possible(self) -> "SeedConfig":
        low, high = self.volume
        if not 0 < low <= high:
            raise ValueError(f"volume {self.volume} must be a range 0 < low <= high")
        low, high = self.angle
        if not 30 <= low <= high <= 150:
            raise ValueError(f"angle {self.angle} must be a range within 30 to 150 degrees")
        return self


def random_crystal(
    composition: Mapping[str, int],
    statistics: DatasetStatistics,
    config: SeedConfig,
    rng: np.random.Generator,
) -> ase.Atoms:
    """Draw a random crystal.

    Atoms are placed one by one, none closer to another than the minimum distance; where that
    finds no place, the distance gives way by 5 % at a time.

    Args:
        composition: atoms by element; their order is kept.
        statistics: of the training data.
        config: the distribution.
        rng: source of randomness.

    Returns:
        Periodic structure in Å, cell in standard form (a along x, b in the xy plane).

    Raises:
        UserError: the training data gives one of the elements no volume.
    """
    expected = statistics.volume(composition)
    if not expected > 0:
        raise UserError(
            f"The model's statistics give {''.join(composition)} a volume of {expected} Å³.",
            "The training data must have periodic structures of these elements.",
        )
    symbols = [symbol for symbol, n in composition.items() for _ in range(n)]
    cell = _random_cell(expected * rng.uniform(*config.volume), config, rng)
    distances = config.min_distance * np.array(
        [[statistics.min_distance(a, b) for b in symbols] for a in symbols]
    )
    return ase.Atoms(symbols, _place(cell, distances, rng), cell=cell, pbc=True)


def _random_cell(volume: float, config: SeedConfig, rng: np.random.Generator) -> Array:
    """Draw a cell of this volume, shape (3, 3), Å."""
    while True:
        angles = rng.uniform(*config.angle, size=3)
        lengths = np.exp(rng.uniform(0, np.log(config.aspect), size=3))
        if _unit_volume(angles) > 0.3:  # flatter ones are another, less flat cell in disguise
            cell = Cell.fromcellpar([*lengths, *angles]).array
            return cell * (volume / abs(np.linalg.det(cell))) ** (1 / 3)


def _unit_volume(angles: Array) -> float:
    """Volume of a cell with unit edges."""
    a, b, c = (cos(radians(angle)) for angle in angles)
    return sqrt(max(0.0, 1 - a * a - b * b - c * c + 2 * a * b * c))


def _place(cell: Array, distances: Array, rng: np.random.Generator) -> Array:
    """Place atoms apart from each other.

    Args:
        cell: shape (3, 3), Å.
        distances: least distance of each pair, shape (n, n), Å.
        rng: source of randomness.

    Returns:
        Positions, shape (n, 3), Å.
    """
    positions = np.empty((len(distances), 3))
    scale = 1.0
    for i in range(len(positions)):
        while True:
            trials = rng.random((_TRIES_PER_ATOM, 3)) @ cell
            vectors = minimum_image(trials[:, None] - positions[None, :i], cell)
            far = np.linalg.norm(vectors, axis=-1) >= scale * distances[i, :i]
            (free,) = np.nonzero(far.all(axis=1))
            if len(free):
                positions[i] = trials[free[0]]
                break
            scale *= _SHRINK
    return positions
