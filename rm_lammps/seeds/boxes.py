"""Random boxes, and the settings of all kinds of seeds that are made in one."""

from abc import ABC
from math import cos, radians, sin, sqrt

import numpy as np
from pydantic import Field, model_validator

from rm_lammps.geometry import Array
from rm_lammps.seeds.seeder import Seeder

_FLATTEST = 0.3
"""Least volume of a cell with unit edges; flatter ones are another, less flat cell in disguise."""


class BoxSettings(Seeder, ABC):
    """Size and shape of the box, and how close atoms may be in it."""

    volume: tuple[float, float] = Field(
        (0.9, 1.3), description="range, in units of the volume expected from the training data"
    )
    min_distance: float = Field(
        0.8, ge=0, le=1, description="in units of the pair's shortest distance in the data"
    )
    angle: tuple[float, float] = Field((60.0, 120.0), description="range of cell angles, degrees")
    aspect: float = Field(2.0, ge=1, description="largest ratio of two cell lengths")

    @model_validator(mode="after")
    def _possible(self) -> "BoxSettings":
        low, high = self.volume
        if not 0 < low <= high < np.inf:
            raise ValueError(f"volume {self.volume} must be a range 0 < low <= high")
        low, high = self.angle
        if not 30 <= low <= high <= 150:
            raise ValueError(f"angle {self.angle} must be a range within 30 to 150 degrees")
        return self


def random_cell(volume: float, settings: BoxSettings, rng: np.random.Generator) -> Array:
    """Draw a cell of this volume, shape (3, 3), Å; a along x, b in the xy plane."""
    while True:
        angles = rng.uniform(*settings.angle, size=3).tolist()
        a, b, c = np.exp(rng.uniform(0, np.log(settings.aspect), size=3)).tolist()
        cos_bc, cos_ac, cos_ab = (cos(radians(angle)) for angle in angles)
        squared = 1 - cos_bc**2 - cos_ac**2 - cos_ab**2 + 2 * cos_bc * cos_ac * cos_ab
        if squared < _FLATTEST**2:
            continue
        # written out because ase's way to the same cell takes longer than the rest of a seed
        sin_ab, unit_volume = sin(radians(angles[2])), sqrt(squared)
        cell = [
            [a, 0.0, 0.0],
            [b * cos_ab, b * sin_ab, 0.0],
            [c * cos_ac, c * (cos_bc - cos_ac * cos_ab) / sin_ab, c * unit_volume / sin_ab],
        ]
        return np.array(cell) * (volume / (a * b * c * unit_volume)) ** (1 / 3)
