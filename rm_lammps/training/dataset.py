"""Equilibrium structures as a nequip data set."""

from collections.abc import Callable, Sequence

import ase.io
import numpy as np
import torch
from nequip.data import AtomicDataDict
from nequip.data.ase import from_ase
from nequip.data.dataset.base_datasets import AtomicDataset

from rm_lammps.response.keys import ANCHOR, SAMPLE_INDEX, SHOWN


class EquilibriumDataset(AtomicDataset):
    """Noise-free structures, each numbered for its noise.

    Args:
        file_path: extxyz file of equilibrium structures with Minkowski-reduced cells;
            ``info[ANCHOR]`` is E~ per atom at equilibrium (pseudo-eV), zero where it is missing.
        transforms: applied to every sample, the response first.
        samples: number of samples an epoch; structures are repeated in turn. Default: each once.
        weighted: show a structure in proportion to ``info[SHOWN]`` instead.

    """

    def __init__(
        self,
        file_path: str,
        transforms: Sequence[Callable] = (),
        samples: int | None = None,
        weighted: bool = False,
    ) -> None:
        super().__init__(transforms=list(transforms))
        frames = ase.io.read(file_path, index=":", format="extxyz", parallel=False)
        self.structures = [from_ase(atoms) for atoms in frames]
        for structure, atoms in zip(self.structures, frames, strict=True):
            structure[ANCHOR] = torch.tensor([float(atoms.info.get(ANCHOR, 0.0))])
        self.samples = len(self.structures) if samples is None else samples
        shares = np.array([float(atoms.info.get(SHOWN, 1.0)) for atoms in frames])
        self._ends = np.cumsum(shares / shares.sum()) if weighted else None

    def __len__(self) -> int:
        return self.samples

    def _get_data_list(
        self, indices: Sequence[int] | torch.Tensor | np.ndarray | slice
    ) -> list[AtomicDataDict.Type]:
        if isinstance(indices, slice):
            indices = range(*indices.indices(len(self)))
        return [self._sample(int(index)) for index in indices]

    def _sample(self, index: int) -> AtomicDataDict.Type:
        sample = self.structures[self._structure(index)].copy()
        sample[SAMPLE_INDEX] = torch.tensor([index])
        return sample

    def _structure(self, index: int) -> int:
        if self._ends is None:
            return index % len(self.structures)
        # one point in each of as many equal intervals as there are samples: no structure is shown
        # more than once too often or too rarely in an epoch
        point = (index + float(torch.rand(()))) / self.samples
        return min(int(np.searchsorted(self._ends, point)), len(self.structures) - 1)
