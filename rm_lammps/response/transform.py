"""The data transform that draws fresh noise and its labels at every access."""

from collections.abc import Mapping
from typing import Any

import ase
import numpy as np
import torch
from ase.build import make_supercell
from ase.geometry import minkowski_reduce
from nequip.data import AtomicDataDict, register_fields
from numpy.typing import NDArray

from rm_lammps.geometry import supercell_matrix
from rm_lammps.response.energy import FictitiousEnergy, distance_table
from rm_lammps.response.keys import ANCHOR, LOSS_WEIGHT, SAMPLE_INDEX
from rm_lammps.response.noise import NoiseConfig, add_noise
from rm_lammps.systems import SYSTEMS, System

register_fields(graph_fields=[LOSS_WEIGHT])


class ResponseTransform:
    """Turn an equilibrium structure into a noisy one with the labels that lead back.

    A nequip data transform: takes and returns an ``AtomicDataDict`` with ``pos``, ``cell``,
    ``pbc`` and ``atomic_numbers``, and adds ``total_energy``, ``forces`` and ``stress`` (NaN in
    components that do not relax, which nequip ignores on request).

    Args:
        system: what the structures are: a name, or name and settings.
        noise: fields of :class:`~rm_lammps.response.noise.NoiseConfig`.
        energy: fields of :class:`~rm_lammps.response.energy.FictitiousEnergy`.
        min_distances: shortest distances in the data, Å, keyed ``"C-O"``.
        supercell_atoms: ``[low, high]``: repeat smaller cells at random, into any supercell
            with a number of atoms in this range; ``None`` leaves cells as they are.
        seed: ``None`` draws fresh noise at every access, from torch's generator (which the data
            loader seeds); a number gives sample ``i`` the same noise every time, for validation.
        level: fix both noise levels (0 to 1) instead of drawing them.
        half_weight: displacement noise (Å) at which a sample's squared errors count half,
            ``1 / (1 + (sigma / half_weight)²)``; ``None``: all samples count alike.

    """

    def __init__(
        self,
        system: str | Mapping[str, Any],
        noise: Mapping[str, Any],
        energy: Mapping[str, Any],
        min_distances: Mapping[str, float],
        supercell_atoms: tuple[int, int] | None = None,
        seed: int | None = None,
        level: float | None = None,
        half_weight: float | None = None,
    ) -> None:
        self.system: System = SYSTEMS.read(system if isinstance(system, str) else dict(system))
        self.noise = NoiseConfig(**noise)
        self.energy = FictitiousEnergy(**energy)
        self.min_distances = distance_table(min_distances)
        self.supercell_atoms = supercell_atoms
        self.seed = seed
        self.level = level
        self.half_weight = half_weight

    def __call__(self, data: AtomicDataDict.Type) -> AtomicDataDict.Type:
        """Return the noisy structure; positions and cell in Å, energies in pseudo-eV."""
        data = data.copy()
        rng = self._generator(int(data.pop(SAMPLE_INDEX, torch.zeros(1)).item()))
        anchor = float(data.pop(ANCHOR, torch.zeros(1)).item())
        atoms = self._sites(data, rng)
        cell = atoms.cell.array if self.system.has_cell else None
        noisy = add_noise(
            atoms.positions, atoms.numbers, cell, self.system, self.noise, rng, level=self.level
        )
        labels = self.energy.labels(
            noisy.positions,
            noisy.displacements,
            atoms.numbers,
            self.system,
            min_distances=self.min_distances,
            cell=noisy.cell,
            deformation=noisy.deformation,
        )
        data[AtomicDataDict.POSITIONS_KEY] = _tensor(noisy.positions)
        data[AtomicDataDict.ATOMIC_NUMBERS_KEY] = torch.as_tensor(atoms.numbers, dtype=torch.long)
        data[AtomicDataDict.TOTAL_ENERGY_KEY] = _tensor([[labels.energy + anchor * len(atoms)]])
        data[AtomicDataDict.FORCE_KEY] = _tensor(labels.forces)
        # without a cell nequip predicts a stress of NaN, and torch.compile's check of it fails
        cell = np.eye(3) if noisy.cell is None else noisy.cell
        data[AtomicDataDict.CELL_KEY] = _tensor(cell)[None]
        stress = np.full((3, 3), np.nan)
        if labels.stress is not None:
            stress = np.where(self.system.strained, labels.stress, np.nan)
        data[AtomicDataDict.STRESS_KEY] = _tensor(stress)[None]
        data[LOSS_WEIGHT] = _tensor([[self._weight(noisy.sigma)]])
        return data

    def _weight(self, sigma: float) -> float:
        return 1.0 if self.half_weight is None else 1 / (1 + (sigma / self.half_weight) ** 2)

    def _generator(self, sample: int) -> np.random.Generator:
        if self.seed is not None:
            return np.random.default_rng((self.seed, sample))
        return np.random.default_rng(int(torch.randint(2**62, (1,)).item()))

    def _sites(self, data: AtomicDataDict.Type, rng: np.random.Generator) -> ase.Atoms:
        atoms = ase.Atoms(
            numbers=data[AtomicDataDict.ATOMIC_NUMBERS_KEY].numpy().ravel(),
            positions=data[AtomicDataDict.POSITIONS_KEY].numpy(),
            cell=data[AtomicDataDict.CELL_KEY].numpy().reshape(3, 3),
            pbc=data[AtomicDataDict.PBC_KEY].numpy().ravel(),
        )
        if self.supercell_atoms is None:
            return atoms
        matrix = random_supercell(len(atoms), self.supercell_atoms, rng)
        return atoms if matrix is None else repeated(atoms, matrix)


def random_supercell(
    n_atoms: int, allowed: tuple[int, int], rng: np.random.Generator
) -> NDArray[np.int_] | None:
    """Draw a supercell with a number of atoms in the range.

    Args:
        n_atoms: of the cell.
        allowed: smallest and largest number of atoms.
        rng: source of randomness.

    Returns:
        Matrix that makes the supercell's rows of the cell's; ``None`` where no larger cell is in
        the range.
    """
    low, high = -(-allowed[0] // n_atoms), allowed[1] // n_atoms
    if high < max(low, 2):
        return None
    return supercell_matrix(int(rng.integers(max(low, 1), high + 1)), rng)


def repeated(atoms: ase.Atoms, matrix: NDArray[np.int_]) -> ase.Atoms:
    """Repeat a cell into a Minkowski-reduced supercell."""
    supercell = make_supercell(atoms, matrix)
    supercell.set_cell(minkowski_reduce(supercell.cell.array)[0])
    return supercell


def _tensor(values: Any) -> torch.Tensor:
    return torch.as_tensor(np.asarray(values), dtype=torch.get_default_dtype())
