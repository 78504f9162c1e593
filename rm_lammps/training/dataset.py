"""Equilibrium structures as a nequip data set."""

from collections.abc import Callable, Sequence

import ase.io
import numpy as np
import torch
from nequip.data import AtomicDataDict
from nequip.data.ase import from_ase
from nequip.data.dataset.base_datasets import AtomicDataset

from rm_lammps.response.transform import ANCHOR, SAMPLE_INDEX


class EquilibriumDataset(AtomicDataset):
    """Noise-free structures, each numbered for its noise.

    Args:
        file_path: extxyz file of equilibrium structures with Minkowski-reduced cells;
            ``info[ANCHOR]`` is E~ per atom at equilibrium (pseudo-eV), zero where it is missing.
        transforms: applied to every sample, the response first.
        samples: number of samples an epoch; structures are repeated in turn. Default: each once.

    """

    def __init__(
        self,
        file_path: str,
        transforms: Sequence[Callable] = (),
        samples: int | None = None,
    ) -> None:
        super().__init__(transforms=list(transforms))
        frames = ase.io.read(file_path, index=":", format="extxyz", parallel=False)
        self.structures = [from_ase(atoms) for atoms in frames]
        for structure, atoms in zip(self.structures, frames, strict=True):
            structure[ANCHOR] = torch.tensor([float(atoms.info.get(ANCHOR, 0.0))])
        self.samples = len(self.structures) if samples is None else samples

    def __len__(self) -> int:
        return self.samples

    def _get_data_list(
        self, indices: Sequence[int] | torch.Tensor | np.ndarray | slice
    ) -> list[AtomicDataDict.Type]:
        if isinstance(indices, slice):
            indices = range(*indices.indices(len(self)))
        return [self._sample(int(index)) for index in indices]

    def _sample(self, index: int) -> AtomicDataDict.Type:
        sample = self.structures[index % len(self.structures)].copy()
        sample[SAMPLE_INDEX] = torch.tensor([index])
        return sample
