"""Equilibrium structures in, batches of noisy ones out: what an epoch shows, and in which order."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import ase
import ase.data
import ase.io
import numpy as np
import torch

from rm_lammps.datasets import DatasetStatistics
from rm_lammps.geometry import Array
from rm_lammps.response.batches import NoisyStructures, noisy_structures
from rm_lammps.response.energy import distance_table
from rm_lammps.response.keys import ANCHOR, SHOWN, WRONG
from rm_lammps.response.large import LARGE, Room, joined, noisy_cell
from rm_lammps.response.structures import Bools, Ints, Structures, means
from rm_lammps.response.transform import random_supercell, repeated
from rm_lammps.training.step import Batch
from rm_lammps.training.training_config import TrainingConfig

WINDOW = 8
"""Batches whose noise is drawn at once; structures are dealt so that all are equally large."""

_SUPERCELLS_KEPT = 4096


@dataclass(frozen=True)
class Shape:
    """Room in a batch."""

    structures: int
    atoms: int
    edges: int

    def holds(self, structures: int, atoms: int, edges: int) -> bool:
        """Whether so much fits, with one structure and one atom left to own what fills up."""
        return structures < self.structures and atoms < self.atoms and edges <= self.edges


@dataclass(frozen=True)
class Drawn:
    """Noisy structures with what else a batch needs of them."""

    noisy: NoisyStructures
    types: Ints
    """shape (atoms,)."""
    energies: Array
    """Labels per atom, shape (structures,), pseudo-eV."""
    weights: Array
    """shape (structures,)."""
    atom_weights: Array
    """shape (atoms,)."""
    edge_counts: Ints
    """Edges of each structure, shape (structures,)."""


class SampleSource:
    """Equilibrium structures of a file, and noise for any of them.

    Args:
        file: extxyz file with Minkowski-reduced cells, see
            :class:`~rm_lammps.training.dataset.EquilibriumDataset`.
        config: of the run.
        statistics: of the training structures.
        spurious: extxyz file of structures that are shown as such, see
            :class:`~rm_lammps.training.training_config.SpuriousConfig`.
    """

    def __init__(
        self,
        file: Path,
        config: TrainingConfig,
        statistics: DatasetStatistics,
        spurious: Path | None = None,
    ) -> None:
        self.frames = _read(file)
        false = [] if spurious is None else _read(spurious)
        equilibrium = len(self.frames)
        self.frames += false
        self._config = config
        self._distances = distance_table(statistics.min_distances)
        self._neighbours = statistics.neighbours_per_atom
        self._system = statistics.system
        self.types = np.zeros(len(ase.data.chemical_symbols), dtype=int)
        for number, symbol in enumerate(statistics.species):
            self.types[ase.data.atomic_numbers[symbol]] = number
        self._anchors = np.array([float(atoms.info.get(ANCHOR, 0.0)) for atoms in self.frames])
        self.shares = np.array([float(atoms.info.get(SHOWN, 1.0)) for atoms in self.frames])
        self._scales = np.ones(len(self.frames))
        if false:
            share = config.spurious.share
            true = self.shares[:equilibrium].sum()
            self.shares[equilibrium:] = share / (1 - share) * true / len(false)
            self._scales[equilibrium:] = config.spurious.noise
        self.weighted = config.data.weight_key is not None or bool(false)
        """Whether the shares count; all are shown alike otherwise."""

    @cached_property
    def _supercell(self) -> Callable[..., ase.Atoms]:
        """Supercells made, kept."""
        return lru_cache(maxsize=_SUPERCELLS_KEPT)(self._make_supercell)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is kept, which can't be sent to a process that draws noise."""
        return {name: value for name, value in vars(self).items() if name != "_supercell"}

    def sizes(self) -> Array:
        """Number of edges to expect of each structure, up to a factor."""
        counts = np.array([len(atoms) for atoms in self.frames], dtype=float)
        if not self._system.has_cell:
            return counts**2
        densities = counts / np.array([atoms.get_volume() for atoms in self.frames])
        return np.minimum(counts, self._config.data.crop_atoms) * densities

    def room(self) -> Room:
        """What a large cell may hold under noise; what is more is cropped."""
        config, largest = self._config, max(self.frames, key=len)
        squeezed = float(np.exp(max(0.0, -config.noise.dilation[0])))
        return Room.of(
            min(config.data.crop_atoms, len(largest)),
            squeezed * len(largest) / largest.get_volume(),
            config.model.r_max,
            squeezed * self._neighbours,
        )

    @property
    def largest(self) -> int:
        """Atoms of the largest structure."""
        return max(len(atoms) for atoms in self.frames)

    @property
    def has_large(self) -> bool:
        """Whether there are cells that are shown one by one, or in crops."""
        return any(map(self._is_large, self.frames))

    def draw(
        self, indices: Sequence[int] | Ints, rng: np.random.Generator, *, level: float | None = None
    ) -> Drawn:
        """Draw fresh noise for structures, given by their place in the file."""
        config = self._config
        atoms = [self._sites(int(index), rng) for index in indices]
        noisy = self._noisy(atoms, rng, level, self._scales[np.asarray(indices)])
        structures = noisy.structures
        half = config.optimisation.loss.half_weight
        weights = np.ones(len(noisy.sigmas))
        if half is not None:
            weights /= 1 + (noisy.sigmas / half) ** 2
        owners = structures.owner[noisy.edges.centre]
        return Drawn(
            noisy,
            self.types[structures.numbers],
            noisy.energies / structures.counts + self._anchors[np.asarray(indices)],
            means(weights, structures.counts),
            weights * noisy.complete,
            np.bincount(owners, minlength=len(structures)),
        )

    def _noisy(
        self,
        frames: list[ase.Atoms],
        rng: np.random.Generator,
        level: float | None,
        scales: Array,
    ) -> NoisyStructures:
        config, distances = self._config, self._distances

        def small(part: list[ase.Atoms], scales: Array) -> NoisyStructures:
            noisy = noisy_structures(
                Structures.of(part, self._system),
                config.noise,
                config.energy,
                distances,
                rng,
                cutoff=config.model.r_max,
                level=level,
                scales=scales,
            )
            counted = np.concatenate([~wrong_atoms(atoms) for atoms in part])
            return dataclasses.replace(noisy, complete=counted)

        def large(atoms: ase.Atoms, scale: float) -> NoisyStructures:
            return noisy_cell(
                atoms,
                self._system,
                config.noise,
                config.energy,
                distances,
                rng,
                cutoff=config.model.r_max,
                room=self.room(),
                level=level,
                scale=scale,
                counted=~wrong_atoms(atoms),
            )

        if not any(map(self._is_large, frames)):
            return small(frames, scales)
        return joined(
            [
                large(one, scale) if self._is_large(one) else small([one], np.array([scale]))
                for one, scale in zip(frames, scales, strict=True)
            ]
        )

    def _is_large(self, atoms: ase.Atoms) -> bool:
        return len(atoms) >= LARGE and all(self._system.pbc)

    def _sites(self, index: int, rng: np.random.Generator) -> ase.Atoms:
        atoms, allowed = self.frames[index], self._config.data.supercell_atoms
        if allowed is None:
            return atoms
        matrix = random_supercell(len(atoms), allowed, rng)
        return atoms if matrix is None else self._supercell(index, tuple(matrix.ravel().tolist()))

    def _make_supercell(self, index: int, entries: tuple[int, ...]) -> ase.Atoms:
        return repeated(self.frames[index], np.reshape(entries, (3, 3)))


def wrong_atoms(atoms: ase.Atoms) -> Bools:
    """Atoms of a spurious structure that are told to be wrong, shape (atoms,)."""
    told: Bools = np.asarray(atoms.arrays.get(WRONG, np.zeros(len(atoms)))) > 0
    return told


def _read(file: Path) -> list[ase.Atoms]:
    frames: list[ase.Atoms] = ase.io.read(file, index=":", format="extxyz", parallel=False)
    return frames


def deal(sizes: Ints, hands: int) -> list[Ints]:
    """Deal items into hands of equal number and nearly equal total size, each in falling order."""
    order = np.argsort(-sizes, kind="stable")
    places = np.arange(len(order)) % (2 * hands)
    hand = np.minimum(places, 2 * hands - 1 - places)
    return [order[hand == number] for number in range(hands)]


def fill(drawn: Drawn, shape: Shape) -> Iterator[Ints]:
    """Take structures in turn into batches that are as full as the shape allows."""
    counts = drawn.noisy.structures.counts
    taken: list[int] = []
    atoms = edges = 0
    for number, (more_atoms, more_edges) in enumerate(zip(counts, drawn.edge_counts, strict=True)):
        if taken and not shape.holds(len(taken) + 1, atoms + more_atoms, edges + more_edges):
            yield np.array(taken)
            taken, atoms, edges = [], 0, 0
        taken.append(number)
        atoms, edges = atoms + int(more_atoms), edges + int(more_edges)
    yield np.array(taken)


def fitting(drawn: Drawn, chosen: Ints, shape: Shape) -> Ints:
    """Leave out the last structures of a batch where it would not fit."""
    atoms = np.cumsum(drawn.noisy.structures.counts[chosen])
    edges = np.cumsum(drawn.edge_counts[chosen])
    fits = [shape.holds(n + 1, a, e) for n, (a, e) in enumerate(zip(atoms, edges, strict=True))]
    return chosen[fits]


def pack(drawn: Drawn, chosen: Ints, shape: Shape, *, cutoff: float) -> dict[str, np.ndarray]:
    """Arrays of a :class:`~rm_lammps.training.step.Batch` of chosen structures.

    Args:
        drawn: noisy structures.
        chosen: which of them.
        shape: of the batch.
        cutoff: of the model, Å.
    """
    noisy, structures = drawn.noisy, drawn.noisy.structures
    counts = structures.counts[chosen]
    atoms = _spans(structures.first[chosen], counts)
    first_edges = np.cumsum(drawn.edge_counts) - drawn.edge_counts
    edges = _spans(first_edges[chosen], drawn.edge_counts[chosen])
    place = np.zeros(len(structures.positions), dtype=int)
    place[atoms] = np.arange(len(atoms))
    volumes = np.ones(len(chosen))
    stresses = np.zeros((len(chosen), 3, 3))
    if noisy.volumes is not None and noisy.stresses is not None:
        volumes = noisy.volumes[chosen]
        stresses = noisy.stresses[chosen]
    beyond = np.array([2.0 * cutoff, 0.0, 0.0])
    reals = {
        "vectors": _padded(noisy.edges.vectors[edges], shape.edges, beyond),
        "volumes": _padded(volumes, shape.structures, 1.0),
        "energies": _padded(drawn.energies[chosen], shape.structures, 0.0),
        "forces": _padded(noisy.forces[atoms], shape.atoms, 0.0),
        "stresses": _padded(stresses, shape.structures, 0.0),
        "atom_counts": _padded(counts.astype(float), shape.structures, 1.0),
        "weights": _padded(drawn.weights[chosen], shape.structures, 0.0),
        "atom_weights": _padded(drawn.atom_weights[atoms], shape.atoms, 0.0),
    }
    own = np.repeat(np.arange(len(chosen)), counts)
    last = shape.atoms - 1
    return reals | {
        "centre": _padded(place[noisy.edges.centre[edges]], shape.edges, last),
        "neighbour": _padded(place[noisy.edges.neighbour[edges]], shape.edges, last),
        "types": _padded(drawn.types[atoms], shape.atoms, 0),
        "owner": _padded(own, shape.atoms, shape.structures - 1),
        "n_structures": np.array(len(chosen)),
        "n_atoms": np.array(noisy.complete[atoms].sum()),
    }


def to_batch(arrays: dict[str, np.ndarray], dtype: torch.dtype) -> Batch:
    """Make tensors of packed arrays, real numbers of the given type."""
    tensors = {}
    for field in fields(Batch)[:-2]:
        tensor = torch.from_numpy(arrays[field.name])
        tensors[field.name] = tensor.to(dtype) if tensor.is_floating_point() else tensor
    return Batch(
        **tensors, n_structures=int(arrays["n_structures"]), n_atoms=int(arrays["n_atoms"])
    )


def _spans(first: Ints, counts: Ints) -> Ints:
    """Concatenate ``range(first, first + count)``."""
    starts = np.cumsum(counts) - counts
    return np.arange(counts.sum()) + np.repeat(first - starts, counts)


def _padded(values: np.ndarray, length: int, filling: float | Array) -> np.ndarray:
    result = np.empty((length, *values.shape[1:]), dtype=values.dtype)
    result[: len(values)] = values
    result[len(values) :] = filling
    return result


@dataclass(frozen=True)
class Plan:
    """What each epoch shows.

    Args:
        shares: how often a structure is shown, relative to others.
        sizes: of the structures, of any unit.
        samples: structures an epoch.
        batch_size: structures a batch.
        weighted: go by the shares; else structures take turns.
        seed: of the run.
    """

    shares: Array
    sizes: Array
    samples: int
    batch_size: int
    weighted: bool
    seed: int

    @property
    def batches(self) -> int:
        """Batches an epoch."""
        return -(-self.samples // self.batch_size)

    @property
    def windows(self) -> int:
        """Windows an epoch."""
        return -(-self.batches // WINDOW)

    def epoch(self, number: int) -> list[Ints]:
        """Structures of each window of an epoch, at random, windows equally large."""
        rng = np.random.default_rng((self.seed, 0, number))
        shown = self._shown(rng)
        shown = shown[np.argsort(self.sizes[shown] * rng.uniform(0.99, 1.01, len(shown)))]
        # neighbours in size go to different windows, by the toss of a die
        whole = len(shown) // self.windows * self.windows
        strata = rng.permuted(shown[:whole].reshape(-1, self.windows), axis=1)
        windows = [strata[:, k] for k in range(self.windows)]
        for k, structure in enumerate(shown[whole:]):
            windows[k] = np.append(windows[k], structure)
        return [rng.permutation(window) for window in windows]

    def _shown(self, rng: np.random.Generator) -> Ints:
        if not self.weighted:
            return np.arange(self.samples) % len(self.shares)
        # one point in each of as many equal intervals as there are samples: no structure is shown
        # more than once too often or too rarely in an epoch
        points = (np.arange(self.samples) + rng.random(self.samples)) / self.samples
        ends = np.cumsum(self.shares / self.shares.sum())
        return np.minimum(np.searchsorted(ends, points), len(self.shares) - 1)

    def noise(self, epoch: int, window: int) -> np.random.Generator:
        """Source of a window's noise."""
        return np.random.default_rng((self.seed, 1, epoch, window))
