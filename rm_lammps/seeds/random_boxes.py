"""Random boxes, and the settings of all kinds of seeds that are made in one."""

from abc import ABC
from math import cos, radians, sin, sqrt

import numpy as np
from ase.cell import Cell
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


def random_conventional_cell(system: str, settings: BoxSettings, rng: np.random.Generator) -> Array:
    """Draw a conventional cell of any volume, shape (3, 3)."""
    if system == "triclinic":
        return random_cell(1.0, settings, rng)
    limit = np.log(settings.aspect)
    a, b, c = np.exp(rng.uniform(-limit / 2, limit / 2, size=3))
    beta, gamma = 90.0, 90.0
    if system == "monoclinic":
        beta = rng.uniform(90.0, max(settings.angle[1], 90.0))
    elif system != "orthorhombic":
        b = a
        if system == "cubic":
            c = a
        elif system in {"trigonal", "hexagonal"}:
            gamma = 120.0
    return Cell.fromcellpar([a, b, c, 90.0, beta, gamma]).array


def conventional_cell(
    system: str, lattice: Array, spread: float, rng: np.random.Generator
) -> Array:
    """Vary a conventional cell within its crystal system.

    Args:
        system: crystal system.
        lattice: lengths (Å) and angles (degrees), shape (6,).
        spread: standard deviation of the logarithm of each length, and of each free angle in
            radians.
        rng: source of randomness.

    Returns:
        Shape (3, 3), Å; its volume means nothing.
    """
    a, b, c = np.asarray(lattice[:3]) * np.exp(spread * rng.standard_normal(3))
    alpha, beta, gamma = np.asarray(lattice[3:]) + np.degrees(spread) * rng.standard_normal(3)
    if system == "monoclinic":
        alpha = gamma = 90.0
    elif system != "triclinic":
        alpha = beta = 90.0
        gamma = 120.0 if system in {"trigonal", "hexagonal"} else 90.0
        if system != "orthorhombic":
            b = a
        if system == "cubic":
            c = a
    return Cell.fromcellpar([a, b, c, alpha, beta, gamma]).array
