"""The Lightning data module: fresh noise by window and epoch, the same noise for validation."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import ase
import lightning
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from rm_lammps.datasets import DatasetStatistics
from rm_lammps.response.structures import Ints
from rm_lammps.training.processes import end_with_parent
from rm_lammps.training.samples import (
    Plan,
    SampleSource,
    Shape,
    deal,
    fill,
    fitting,
    pack,
    to_batch,
)
from rm_lammps.training.spurious import SPURIOUS
from rm_lammps.training.step import Batch
from rm_lammps.training.training_config import TrainingConfig

VALIDATION_SEED = 20240509
_PROBES = 6
"""Windows that are drawn to see how large batches get."""
_SMALL, _FEW = 16, 8
"""Atoms and number of known structures that are looked at after every epoch."""
_MARGIN = 1.03
_ROUND = 64

Window = tuple[int, int, Ints]
"""Epoch, number of the window, structures."""


class _Windows(Dataset):
    """Noisy batches of windows, packed."""

    def __init__(self, source: SampleSource, plan: Plan, shape: Shape, cutoff: float) -> None:
        self._source, self._plan, self._shape, self._cutoff = source, plan, shape, cutoff

    def __getitem__(self, window: Window) -> list[dict[str, np.ndarray]]:
        epoch, number, structures = window
        drawn = self._source.draw(structures, self._plan.noise(epoch, number))
        hands = deal(drawn.edge_counts, -(-len(structures) // self._plan.batch_size))
        return [
            pack(drawn, fitting(drawn, hand, self._shape), self._shape, cutoff=self._cutoff)
            for hand in hands
        ]


class _List(Dataset):
    """Batches kept in memory."""

    def __init__(self, batches: Sequence[Batch]) -> None:
        self._batches = batches

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, index: int) -> Batch:
        return self._batches[index]


class _EpochWindows(Sampler[Window]):
    """This process's windows of the current epoch."""

    def __init__(self, plan: Plan, epoch: Callable[[], int], rank: int, world: int) -> None:
        self._plan, self._epoch, self._rank, self._world = plan, epoch, rank, world

    def __len__(self) -> int:
        return (self._plan.windows + self._world - 1) // self._world

    def __iter__(self) -> Iterator[Window]:
        epoch = self._epoch()
        windows = self._plan.epoch(epoch)
        for k in range(len(self)):
            # processes have equally many: the last ones begin again with the first
            number = (k * self._world + self._rank) % len(windows)
            yield epoch, number, windows[number]


class _Batches:
    """Batches of windows, one after the other."""

    def __init__(self, windows: DataLoader, dtype: torch.dtype, batches: int) -> None:
        self._windows, self._dtype, self._batches = windows, dtype, batches

    def __len__(self) -> int:
        return self._batches

    def __iter__(self) -> Iterator[Batch]:
        for window in self._windows:
            for arrays in window:
                yield to_batch(arrays, self._dtype)


class ResponseData(lightning.LightningDataModule):
    """Noisy structures of a run's folder.

    Args:
        folder: with ``data/train.extxyz`` and ``data/validation.extxyz``.
        config: of the run.
        statistics: of the training structures.
    """

    def __init__(self, folder: Path, config: TrainingConfig, statistics: DatasetStatistics) -> None:
        super().__init__()
        self.config = config
        self._cutoff = config.model.r_max
        self._dtype = {"float32": torch.float32, "float64": torch.float64}[config.model.dtype]
        self.source = SampleSource(
            folder / "data" / "train.extxyz",
            config,
            statistics,
            spurious=folder / SPURIOUS if (folder / SPURIOUS).exists() else None,
        )
        validation = SampleSource(folder / "data" / "validation.extxyz", config, statistics)
        self.plan = self._plan(self.source)
        count = config.data.validation_samples or len(validation.frames)
        chosen = np.arange(count) % len(validation.frames)
        drawn = validation.draw(chosen, np.random.default_rng(VALIDATION_SEED))
        atoms, edges = drawn.noisy.structures.counts.max(), drawn.edge_counts.max()
        self.shape = self._shape(int(atoms), int(edges))
        self._known = validation.frames
        self._validation = [
            to_batch(pack(drawn, part, self.shape, cutoff=self._cutoff), self._dtype)
            for part in fill(drawn, self.shape)
        ]

    def known_structures(self) -> list[ase.Atoms]:
        """A few small structures of the validation set, to be minimised after every epoch."""
        small = [atoms for atoms in self._known if len(atoms) <= _SMALL]
        return small[:: -(-len(small) // _FEW)] if small else []

    def _plan(self, source: SampleSource, seed: int | None = None) -> Plan:
        data = self.config.data
        return Plan(
            source.shares,
            source.sizes(),
            data.samples_per_epoch or len(source.frames),
            max(self.config.optimisation.batch_size // self.config.processes, 1),
            source.weighted,
            self.config.seed if seed is None else seed,
        )

    def _shape(self, atoms: int, edges: int) -> Shape:
        """Room for the largest of some batches, and for the largest validation structure.

        It does not depend on the run's seed: what is compiled for it serves the next run.
        """
        plan = self._plan(self.source, seed=0)
        structures = 0
        if self.source.has_large:
            room = self.source.room()
            atoms = max(atoms, plan.batch_size * min(room.atoms, self.source.largest))
            edges = max(edges, plan.batch_size * room.edges)
        # of large cells the room is known, and what probes would cost is not
        for epoch in range(1 if self.source.has_large else _PROBES):
            windows = plan.epoch(epoch)
            number = epoch % len(windows)
            drawn = self.source.draw(windows[number], plan.noise(epoch, number))
            hands = deal(drawn.edge_counts, -(-len(windows[number]) // plan.batch_size))
            for hand in hands:
                structures = max(structures, len(hand))
                atoms = max(atoms, int(drawn.noisy.structures.counts[hand].sum()))
                edges = max(edges, int(drawn.edge_counts[hand].sum()))
        return Shape(structures + 1, _rounded(atoms + 1), _rounded(edges))

    def train_dataloader(self) -> _Batches:
        """Batches of the trainer's current epoch."""
        trainer = self.trainer
        rank, world = (trainer.global_rank, trainer.world_size) if trainer else (0, 1)
        sampler = _EpochWindows(
            self.plan, lambda: trainer.current_epoch if trainer else 0, rank, world
        )
        workers = self.config.workers
        loader = DataLoader(
            _Windows(self.source, self.plan, self.shape, self._cutoff),
            sampler=sampler,
            batch_size=None,
            collate_fn=_as_it_is,
            num_workers=workers,
            persistent_workers=workers > 0,
            worker_init_fn=_ends_with_training,
            # processes that exchange gradients have threads, beside which a fork may wait for ever
            multiprocessing_context="spawn" if workers and world > 1 else None,
        )
        return _Batches(loader, self._dtype, -(-self.plan.batches // world))

    def val_dataloader(self) -> DataLoader:
        """The same noisy structures every time."""
        return DataLoader(_List(self._validation), batch_size=None, collate_fn=_as_it_is)


def _ends_with_training(_: int) -> None:
    """A worker that waits for its process would outlive it."""
    end_with_parent()


def _as_it_is(item: Any) -> Any:
    return item


def _rounded(number: int) -> int:
    return -(-int(number * _MARGIN) // _ROUND) * _ROUND
