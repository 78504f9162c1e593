"""Noise: from an equilibrium structure to what random structures look like on the way back."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from rm_lammps.geometry import Array
from rm_lammps.response.nearest_sites import matched_displacements
from rm_lammps.systems import System


class NoiseConfig(BaseModel):
    """Distribution of the noise.

    Each structure draws two independent levels in [0, 1], ``u ** power`` of a uniform ``u``: one
    scales the displacements, one the strain. A larger power means more small noise. With
    ``displacement_min`` and ``strain_min`` both are drawn from a range that doesn't begin at zero,
    as a model for one level of noise wants it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    displacement: float = Field(
        0.5, ge=0, description="largest standard deviation of a coordinate, Å"
    )
    displacement_min: float = Field(
        0.0, ge=0, description="smallest standard deviation of a coordinate, Å"
    )
    displacement_power: float = Field(1.0, gt=0)
    shear: float = Field(
        0.1, ge=0, description="largest standard deviation of a deviatoric strain component"
    )
    dilation: tuple[float, float] = Field(
        (-0.15, 0.25), description="range of ln(V/V0) at the highest strain level"
    )
    strain_min: float = Field(
        0.0, ge=0, le=1, description="smallest strain level, as a share of the highest"
    )
    strain_power: float = Field(1.0, gt=0)
    noiseless: float = Field(
        0.0, ge=0, lt=1, description="share of samples that are shown without any noise"
    )
    permute_above: float = Field(
        0.2,
        ge=0,
        description="coordinate noise (Å) above which identical atoms may exchange sites",
    )
    region_atoms: int | None = Field(
        None,
        ge=1,
        description="atoms of a region with noise of its own, in cells of 500 atoms or more; "
        "default: the whole cell has the same",
    )

    @model_validator(mode="after")
    def _ordered(self) -> "NoiseConfig":
        if self.dilation[0] > self.dilation[1]:
            raise ValueError(f"dilation {self.dilation} must be a range [low, high]")
        if self.displacement_min > self.displacement:
            raise ValueError(
                f"displacement_min {self.displacement_min} must not exceed displacement "
                f"{self.displacement}"
            )
        return self

    def draw_levels(
        self, rng: np.random.Generator, count: int, *, level: float | None = None
    ) -> tuple[Array, Array]:
        """Standard deviations of coordinates (Å) and levels of strain, both of shape (count,).

        Args:
            rng: source of randomness.
            count: number of structures.
            level: give all of them this share (0 to 1) of the largest noise instead.
        """
        if level is not None:
            return np.full(count, level * self.displacement), np.full(count, level)
        sigmas = (
            self.displacement_min
            + (self.displacement - self.displacement_min)
            * rng.random(count) ** self.displacement_power
        )
        strains = self.strain_min + (1 - self.strain_min) * rng.random(count) ** self.strain_power
        if self.noiseless > 0:
            noisy = rng.random(count) >= self.noiseless
            sigmas, strains = sigmas * noisy, strains * noisy
        return sigmas, strains

    def deformations(
        self, rng: np.random.Generator, levels: Array, strained: NDArray[np.bool_]
    ) -> Array:
        """Draw symmetric deformations F from logarithmic strains, shape (structures, 3, 3).

        Args:
            rng: source of randomness.
            levels: of strain, shape (structures,).
            strained: components of the strain that there are, shape (3, 3), see
                :attr:`~rm_lammps.systems.System.strained`. Where these are not all, ``dilation`` is
                what a volume would take on whose third direction were strained alike.
        """
        strains = self.shear * rng.standard_normal((len(levels), 3, 3))
        strains = 0.5 * (strains + np.swapaxes(strains, 1, 2)) * strained
        dilations = rng.uniform(self.dilation[0], self.dilation[1], len(levels))
        along = strained.diagonal()
        if along.any():
            dilations = dilations * (along.sum() / 3) - np.trace(strains, axis1=1, axis2=2)
            strains += dilations[:, None, None] / along.sum() * np.diag(along)
        stretches, axes = np.linalg.eigh(levels[:, None, None] * strains)
        return np.einsum("sik,sk,sjk->sij", axes, np.exp(stretches), axes)


@dataclass(frozen=True)
class NoisyStructure:
    """An equilibrium structure under noise, ``positions = (sites + u) F`` and ``cell = h0 F``."""

    positions: Array
    """shape (n, 3), Å."""
    displacements: Array
    """Matched displacements in the undeformed frame, shape (n, 3), Å."""
    cell: Array | None
    """shape (3, 3), Å; ``None`` for systems without."""
    deformation: Array | None
    """F, shape (3, 3); ``None`` likewise."""
    sigma: float
    """Standard deviation that each coordinate was displaced with, Å."""


def add_noise(
    sites: Array,
    numbers: NDArray[np.int_],
    cell: Array | None,
    system: System,
    config: NoiseConfig,
    rng: np.random.Generator,
    *,
    level: float | None = None,
) -> NoisyStructure:
    """Displace the atoms and strain the cell.

    Args:
        sites: equilibrium positions, shape (n, 3), Å.
        numbers: atomic numbers, shape (n,).
        cell: Minkowski-reduced equilibrium cell, shape (3, 3), Å; ``None`` for systems without.
        system: what the structure is.
        config: the distribution.
        rng: source of randomness.
        level: fix both noise levels (0 to 1) instead of drawing them.

    """
    sigmas, strain_levels = config.draw_levels(rng, 1, level=level)
    sigma = float(sigmas[0])
    drawn = sigma * rng.standard_normal(sites.shape)
    drawn -= system.invariances.translational(drawn.mean(axis=0))
    permute = sigma > config.permute_above
    u = matched_displacements(sites, drawn, numbers, cell, system, permute=permute)
    if cell is None:
        return NoisyStructure(sites + drawn, u, None, None, sigma)
    (deformation,) = config.deformations(rng, strain_levels, system.strained)
    positions = (sites + drawn) @ deformation
    return NoisyStructure(positions, u, cell @ deformation, deformation, sigma)
