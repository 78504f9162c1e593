"""Whether known structures are minima of E~, which errors on noisy structures don't tell.

A model can be as right as another at every level of noise and still have the structures that it was
taught at a saddle point. So they are minimised, positions and cell, and the curvature is measured
where they are known to be in equilibrium.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import ase
import numpy as np
import torch
from scipy.optimize import minimize

from rm_lammps.geometry import Array
from rm_lammps.response.edges import find_edges
from rm_lammps.response.structures import Ints, Structures
from rm_lammps.systems import System
from rm_lammps.training.step import Batch, ResponseStep

_STEP = 0.01
"""Å, and strain: of the finite differences."""
_ASTRAY = 1.0
"""Å."""
_FTOL, _GTOL = 1e-9, 2e-3
_STEPS = 200
_FARTHEST = 3.0
"""Å, that a coordinate may move: what goes farther is astray."""
_LARGEST_STRAIN = 0.3
"""Of each component, that a cell may take on."""


@dataclass(frozen=True)
class Equilibrium:
    """What becomes of a known structure on E~."""

    moved: float
    """How far the atoms move when it is minimised, root mean square, Å; rigid motion and the
    deformation of the cell don't count."""
    strained: float
    """Norm of the strain of the minimised cell; 0 for systems without."""
    curvature: float
    """Lowest curvature of E~ at the structure, pseudo-eV/Å², but for rigid motions; negative where
    it is no minimum. The fictitious energy's springs have 1."""


class Surface:
    """E~ with its gradients for structures.

    Args:
        step: of the model.
        types: type of each element, by atomic number.
    """

    def __init__(self, step: ResponseStep, types: Ints) -> None:
        self._step, self._types = step, types

    def __call__(self, structures: Structures) -> tuple[Array, Array, Array]:
        """Energies (structures,), forces (atoms, 3), dE/d(strain) (structures, 3, 3)."""
        edges = find_edges(structures, self._step.cutoff)
        count, atoms = len(structures), len(structures.positions)

        def real(values: Any) -> torch.Tensor:
            return torch.as_tensor(np.asarray(values), dtype=self._step.dtype)

        batch = Batch(
            vectors=real(edges.vectors),
            centre=torch.from_numpy(edges.centre),
            neighbour=torch.from_numpy(edges.neighbour),
            types=torch.from_numpy(self._types[structures.numbers]),
            owner=torch.from_numpy(structures.owner),
            # of a unit volume, a stress is a virial
            volumes=real(np.ones(count)),
            energies=real(np.zeros(count)),
            forces=real(np.zeros((atoms, 3))),
            stresses=real(np.zeros((count, 3, 3))),
            atom_counts=real(structures.counts),
            weights=real(np.ones(count)),
            atom_weights=real(np.ones(atoms)),
            n_structures=count,
            n_atoms=atoms,
        )
        energies, forces, virials = self._step.predict(*batch.to(self._step.device).tensors())
        return (
            energies.detach().double().cpu().numpy(),
            forces.detach().double().cpu().numpy(),
            virials.detach().double().cpu().numpy(),
        )


def examine(surface: Surface, frames: Sequence[ase.Atoms], system: System) -> list[Equilibrium]:
    """Minimise known structures of a system on E~ and measure its curvature at them."""
    return [_examine(surface, atoms, system) for atoms in frames]


def summary(found: Sequence[Equilibrium]) -> dict[str, float]:
    """Mean and largest displacement, lowest curvature and the share that are minima.

    In the mean, a structure that goes astray counts as one that moved by 1 Å.
    """
    return {
        "structures": len(found),
        "moved_mean": fmean(min(one.moved, _ASTRAY) for one in found),
        "moved_max": max(one.moved for one in found),
        "strained_mean": fmean(one.strained for one in found),
        "lowest_curvature": min(one.curvature for one in found),
        "minima": fmean(one.curvature > 0 for one in found),
    }


def _examine(surface: Surface, atoms: ase.Atoms, system: System) -> Equilibrium:
    coordinates = _Coordinates(surface, atoms, system)
    start = np.zeros(coordinates.size)
    # off the known structure: on a saddle point's ridge the gradient may vanish by symmetry
    start[: 3 * len(atoms)] = np.random.default_rng(0).normal(0.0, 0.01, 3 * len(atoms))
    result = minimize(
        coordinates.energy,
        start,
        jac=True,
        method="L-BFGS-B",
        # a cell that collapses or flies apart has more neighbours than memory holds
        bounds=coordinates.bounds(),
        options={"maxiter": _STEPS, "ftol": _FTOL, "gtol": _GTOL},
    )
    moved = result.x[: 3 * len(atoms)].reshape(-1, 3)
    moved = coordinates.without_rigid_motion(moved)
    strain = result.x[3 * len(atoms) :]
    return Equilibrium(
        float(np.sqrt(np.mean(np.sum(moved**2, axis=1)))),
        float(np.linalg.norm(strain) / coordinates.scale) if len(strain) else 0.0,
        coordinates.lowest_curvature(),
    )


class _Coordinates:
    """Displacements in the undeformed frame and those components of a strain that relax.

    Strain is scaled to a length, so that its curvature is of the displacements' kind.
    """

    def __init__(self, surface: Surface, atoms: ase.Atoms, system: System) -> None:
        self._surface, self._atoms, self._system = surface, atoms, system
        self._basis = np.array([one for one in _BASIS if system.strained[one != 0].all()])
        self.size = 3 * len(atoms) + len(self._basis)
        volume = atoms.get_volume() if system.has_cell else 1.0
        self.scale = volume**0.5

    def bounds(self) -> list[tuple[float, float]]:
        """Lowest and highest value of each coordinate."""
        strain = _LARGEST_STRAIN * self.scale
        strains = self.size - 3 * len(self._atoms)
        return [(-_FARTHEST, _FARTHEST)] * (3 * len(self._atoms)) + [(-strain, strain)] * strains

    def energy(self, x: Array) -> tuple[float, Array]:
        """Energy (pseudo-eV) and gradient."""
        energies, gradients = self.energies(x[None])
        return float(energies[0]), gradients[0]

    def energies(self, xs: Array) -> tuple[Array, Array]:
        """Energies and gradients of many sets of coordinates, shapes (n,) and (n, size)."""
        n, count = len(xs), len(self._atoms)
        moved = self._atoms.positions + xs[:, : 3 * count].reshape(n, count, 3)
        numbers, counts = np.tile(self._atoms.numbers, n), np.full(n, count)
        if not len(self._basis):
            cells = np.tile(self._atoms.cell.array, (n, 1, 1)) if self._system.has_cell else None
            structures = Structures(moved.reshape(-1, 3), numbers, counts, cells, self._system)
            energies, forces, _ = self._surface(structures)
            return energies, -forces.reshape(n, -1)
        strains = np.einsum("nk,kij->nij", xs[:, 3 * count :], self._basis)
        stretch = np.eye(3) + strains / self.scale
        cells = self._atoms.cell.array @ stretch
        positions = (moved @ stretch).reshape(-1, 3)
        structures = Structures(positions, numbers, counts, cells, self._system)
        energies, forces, virials = self._surface(structures)
        gradients = -forces.reshape(n, count, 3) @ stretch.transpose(0, 2, 1)
        # dE/d(stretch) of h0 F: the virial acts on the deformed frame
        by_stretch = np.linalg.solve(stretch, virials)
        by_strain = np.einsum("nij,kij->nk", by_stretch, self._basis) / self.scale
        return energies, np.concatenate([gradients.reshape(n, -1), by_strain], axis=1)

    def without_rigid_motion(self, moved: Array) -> Array:
        """Take rigid motions that change nothing out of displacements, to first order."""
        rigid = self._rigid()[:, : moved.size]
        flat = moved.ravel()
        return (flat - rigid.T @ (rigid @ flat)).reshape(-1, 3)

    def _rigid(self) -> Array:
        """Orthonormal rigid motions that change nothing, shape (n, size)."""
        count, invariances = len(self._atoms), self._system.invariances
        motions = [np.tile(axis, count) for axis in np.eye(3)[list(invariances.translations)]]
        centred = self._atoms.positions - self._atoms.positions.mean(axis=0)
        axes = np.eye(3)[list(invariances.rotations)]
        motions += [np.cross(axis, centred).ravel() for axis in axes]
        basis, lengths, _ = np.linalg.svd(np.array(motions).T, full_matrices=False)
        rigid = basis[:, lengths > 1e-8].T
        return np.concatenate([rigid, np.zeros((len(rigid), self.size - 3 * count))], axis=1)

    def lowest_curvature(self) -> float:
        """Lowest eigenvalue of the Hessian by finite differences, rigid motions left out."""
        steps = _STEP * np.eye(self.size)
        _, gradients = self.energies(np.concatenate([steps, -steps]))
        hessian = (gradients[: self.size] - gradients[self.size :]) / (2 * _STEP)
        hessian = 0.5 * (hessian + hessian.T)
        rigid = self._rigid()
        # a curvature that is never the lowest
        hessian += 1e3 * rigid.T @ rigid
        return float(np.linalg.eigvalsh(hessian)[0])


_BASIS = np.zeros((6, 3, 3))
for _k, (_i, _j) in enumerate([(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)]):
    _BASIS[_k, _i, _j] = _BASIS[_k, _j, _i] = 1.0 if _i == _j else 0.5**0.5
