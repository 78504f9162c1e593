r"""The fictitious energy, and the labels that are its derivatives.

A noisy structure has cell ``h = h0 F`` (rows are cell vectors) and positions ``r = (R + u) F``,
where ``h0`` and ``R`` are the equilibrium cell and sites, ``F`` the deformation and ``u`` the
displacements in the undeformed frame. Its fictitious energy is

.. math::
    E = \tfrac12 k \sum_i |u_i|^2
      + V_0 \left[\mu\, \mathrm{tr}\, e^2 + \tfrac12 \lambda (\mathrm{tr}\, e)^2\right]
      + A \sum_{i<j,\, r_{ij} < c_{ij}} \left(1 - r_{ij}^2 / c_{ij}^2\right)^2

with the logarithmic (Hencky) strain :math:`e = \tfrac12 \ln F^T F`. Springs and repulsion follow
B. Cheng, arXiv:2405.09057; logarithmic strain makes isotropic linear elasticity exact at the
strains of random cells, with the same slope at small ones. Springs act in the undeformed frame, so
a homogeneous strain of a noisy structure changes the elastic term alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from ase.data import atomic_numbers, chemical_symbols
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from rm_lammps.geometry import Array, pairs_within
from rm_lammps.systems import System


@dataclass(frozen=True)
class Labels:
    """What the potential is taught for one noisy structure."""

    energy: float
    """pseudo-eV, of the whole cell; zero for an equilibrium structure."""
    forces: Array
    """Minus the gradient of the energy, shape (n, 3), pseudo-eV/Å; they sum to zero."""
    stress: Array | None
    """(1/V) dE/d(strain), shape (3, 3), pseudo-eV/Å³; zero in components that do not relax,
    ``None`` for systems without a cell."""


class FictitiousEnergy(BaseModel):
    """Parameters of the fictitious energy."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    spring: float = Field(1.0, gt=0, description="k, pseudo-eV/Å²")
    youngs_modulus: float = Field(1.0, gt=0, description="pseudo-eV/Å³")
    poisson_ratio: float = Field(0.3, gt=-1, lt=0.5)
    repulsion: float = Field(1.0, ge=0, description="A, pseudo-eV; 0 turns the repulsion off")
    repulsion_range: float = Field(
        0.9, gt=0, le=1, description="c, in units of the pair's shortest distance in the data"
    )

    @property
    def lame(self) -> tuple[float, float]:
        """Lamé's λ and μ, pseudo-eV/Å³."""
        modulus, nu = self.youngs_modulus, self.poisson_ratio
        return modulus * nu / ((1 + nu) * (1 - 2 * nu)), modulus / (2 * (1 + nu))

    def labels(
        self,
        positions: Array,
        displacements: Array,
        numbers: NDArray[np.int_],
        system: System,
        *,
        min_distances: Array,
        cell: Array | None = None,
        deformation: Array | None = None,
    ) -> Labels:
        """Energy, forces and stress of one noisy structure.

        Args:
            positions: noisy positions in the deformed frame, shape (n, 3), Å.
            displacements: in the undeformed frame, from
                :func:`~rm_lammps.response.nearest_sites.matched_displacements`, shape (n, 3), Å.
            numbers: atomic numbers, shape (n,).
            system: what the structure is.
            min_distances: from :func:`distance_table`, Å.
            cell: noisy cell, shape (3, 3), Å; ``None`` for systems without.
            deformation: F, shape (3, 3); ``None`` likewise.

        """
        energy, forces, virial = self._repel(positions, numbers, cell, system, min_distances)
        energy += 0.5 * self.spring * float(np.sum(displacements**2))
        if cell is None or deformation is None:
            return Labels(energy, forces - self.spring * displacements, None)
        forces = forces - self.spring * displacements @ np.linalg.inv(deformation).T
        lam, mu = self.lame
        strain = logarithmic_strain(deformation)
        trace = float(np.trace(strain))
        volume = abs(float(np.linalg.det(cell)))
        volume0 = volume / abs(float(np.linalg.det(deformation)))
        energy += volume0 * (mu * float(np.sum(strain**2)) + 0.5 * lam * trace**2)
        elastic = volume0 * (2 * mu * strain + lam * trace * np.eye(3))
        return Labels(energy, forces, (elastic + virial) / volume * system.strained)

    def _repel(
        self,
        positions: Array,
        numbers: NDArray[np.int_],
        cell: Array | None,
        system: System,
        min_distances: Array,
    ) -> tuple[float, Array, Array]:
        """Energy, forces and dE/d(strain) of the short-range repulsion."""
        forces = np.zeros_like(positions)
        present = np.unique(numbers)
        longest = float(min_distances[np.ix_(present, present)].max(initial=0.0))
        if self.repulsion == 0 or longest == 0:
            return 0.0, forces, np.zeros((3, 3))
        i, j, d, vectors = pairs_within(
            "ijdD",
            positions,
            np.zeros((3, 3)) if cell is None else cell,
            pbc=system.pbc,
            cutoff=self.repulsion_range * longest,
        )
        c = self.repulsion_range * min_distances[numbers[i], numbers[j]]
        near = d < c
        i, vectors, x = i[near], vectors[near], (d[near] / c[near]) ** 2
        # each pair is listed from both sides
        energy = 0.5 * self.repulsion * float(np.sum((1 - x) ** 2))
        gradients = (-4 * self.repulsion * (1 - x) / c[near] ** 2)[:, None] * vectors
        np.add.at(forces, i, gradients)
        return energy, forces, 0.5 * np.einsum("pi,pj->ij", gradients, vectors)


def distance_table(min_distances: Mapping[str, float]) -> Array:
    """Shortest distances in the data by atomic numbers, Å; zero for pairs that never met.

    Args:
        min_distances: Å, keyed ``"C-O"``.

    Returns:
        Symmetric, shape (119, 119).
    """
    table = np.zeros((len(chemical_symbols),) * 2)
    for pair, distance in min_distances.items():
        a, b = (atomic_numbers[symbol] for symbol in pair.split("-"))
        table[a, b] = table[b, a] = distance
    return table


def logarithmic_strain(deformation: Array) -> Array:
    """Hencky strain ``½ ln FᵀF`` of ``h = h0 F``: symmetric, deformed frame, shape (3, 3)."""
    squares, axes = np.linalg.eigh(deformation.T @ deformation)
    return (axes * (0.5 * np.log(squares))) @ axes.T
