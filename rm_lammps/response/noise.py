"""Noise: from an equilibrium structure to what random structures look like on the way back."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from rm_lammps.geometry import Array
from rm_lammps.response.matching import matched_displacements


class NoiseConfig(BaseModel):
    """Distribution of the noise.

    Each structure draws two independent levels in [0, 1], ``u ** power`` of a uniform ``u``: one
    scales the displacements, one the strain. A larger power means more small noise.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    displacement: float = Field(
        0.5, ge=0, description="largest standard deviation of a coordinate, Å"
    )
    displacement_power: float = Field(1.0, gt=0)
    shear: float = Field(
        0.1, ge=0, description="largest standard deviation of a deviatoric strain component"
    )
    dilation: tuple[float, float] = Field(
        (-0.15, 0.25), description="range of ln(V/V0) at the highest strain level"
    )
    strain_power: float = Field(1.0, gt=0)
    permute_above: float = Field(
        0.2,
        ge=0,
        description="coordinate noise (Å) above which identical atoms may exchange sites",
    )

    @model_validator(mode="after")
    def _ordered(self) -> "NoiseConfig":
        if self.dilation[0] > self.dilation[1]:
            raise ValueError(f"dilation {self.dilation} must be a range [low, high]")
        return self


@dataclass(frozen=True)
class NoisyStructure:
    """An equilibrium structure under noise, ``positions = (sites + u) F`` and ``cell = h0 F``."""

    positions: Array
    """shape (n, 3), Å."""
    displacements: Array
    """Matched displacements in the undeformed frame, shape (n, 3), Å."""
    cell: Array | None
    """shape (3, 3), Å; ``None`` for molecules."""
    deformation: Array | None
    """F, shape (3, 3); ``None`` for molecules."""
    sigma: float
    """Standard deviation that each coordinate was displaced with, Å."""


def add_noise(
    sites: Array,
    numbers: NDArray[np.int_],
    cell: Array | None,
    config: NoiseConfig,
    rng: np.random.Generator,
    *,
    level: float | None = None,
) -> NoisyStructure:
    """Displace the atoms and strain the cell.

    Args:
        sites: equilibrium positions, shape (n, 3), Å.
        numbers: atomic numbers, shape (n,).
        cell: Minkowski-reduced equilibrium cell, shape (3, 3), Å; ``None`` for molecules.
        config: the distribution.
        rng: source of randomness.
        level: fix both noise levels (0 to 1) instead of drawing them.

    """
    sigma = config.displacement * _level(config.displacement_power, rng, level)
    drawn = sigma * rng.standard_normal(sites.shape)
    drawn -= drawn.mean(axis=0)
    u = matched_displacements(sites, drawn, numbers, cell, permute=sigma > config.permute_above)
    if cell is None:
        return NoisyStructure(sites + drawn, u, None, None, sigma)
    deformation = _deformation(config, rng, _level(config.strain_power, rng, level))
    positions = (sites + drawn) @ deformation
    return NoisyStructure(positions, u, cell @ deformation, deformation, sigma)


def _level(power: float, rng: np.random.Generator, fixed: float | None) -> float:
    return float(rng.random() ** power) if fixed is None else fixed


def _deformation(config: NoiseConfig, rng: np.random.Generator, level: float) -> Array:
    """Draw a symmetric deformation F from logarithmic strains, shape (3, 3)."""
    strain = level * config.shear * rng.standard_normal((3, 3))
    strain = 0.5 * (strain + strain.T)
    strain -= np.trace(strain) / 3 * np.eye(3)
    low, high = config.dilation
    strain += level * rng.uniform(low, high) / 3 * np.eye(3)
    stretches, axes = np.linalg.eigh(strain)
    return (axes * np.exp(stretches)) @ axes.T
