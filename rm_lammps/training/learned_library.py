"""What a library of known structures learns from them: types, and which elements are alike."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import ase
import numpy as np
import torch
from numpy.typing import NDArray
from pymatgen.core import Structure
from torch import Tensor

from rm_lammps.datasets.library import PrototypeLibrary, pettifor_order, ways_to_replace
from rm_lammps.progress import follow
from rm_lammps.systems.crystal_matcher import MATCHER, to_pymatgen

_MOST_FOUNDERS = 24
"""Of types with the same symmetry: in 17,000 known crystals 21 at most. Bounds the comparisons
where thousands of structures have none."""
_DIMENSIONS = 8
_ALIKE = 5
"""Elements in a row of Pettifor's order that replace each other well: places begin so far apart."""
_EPOCHS = 12
_LEAST_BATCHES = 300
_BATCH = 64
_MOST_WAYS = 48_000
"""Of replacing, among the structures that vote in a batch: bounds time and memory."""
_LEARNING_RATE = 0.05
_STAY = 0.3
"""Weight of staying at Pettifor's places, in the loss of all structures together."""
_UNEXPECTED = 1e-3
"""Probability that a structure's type has nothing to do with its votes."""


def learned_library(frames: Sequence[ase.Atoms], *, seed: int, shown: bool) -> PrototypeLibrary:
    """Collect crystals, and learn from them what is of one type and which elements are alike.

    Args:
        frames: all periodic; Å.
        seed: of the random numbers.
        shown: whether to show progress.
    """
    library = PrototypeLibrary.of(frames)
    library.types = split_types(library, shown=shown)
    library.places = learn_places(library, seed=seed, shown=shown)
    return library


def split_types(library: PrototypeLibrary, *, shown: bool = False) -> NDArray[np.int64]:
    """Tell structures apart whose symmetry is the same, but not what it leaves free.

    The first structure of each type stands for it; what doesn't match it, whatever the elements,
    by the settings with which predictions are judged, founds a type of its own, up to
    ``_MOST_FOUNDERS`` with the same symmetry.

    Returns:
        Number of the first structure of each structure's type, shape (n,).
    """
    members: dict[int, list[int]] = defaultdict(list)
    for index, kind in enumerate(library.types.tolist()):
        members[kind].append(index)
    types = np.arange(len(library))
    for group in follow(list(members.values()), "types of structures", shown=shown):
        if len(group) == 1:
            continue
        founders: list[tuple[int, Structure]] = []
        for index in group:
            structure = to_pymatgen(library.atoms(index))
            for founder, known in founders:
                if MATCHER.fit_anonymous(known, structure):
                    types[index] = founder
                    break
            else:
                if len(founders) < _MOST_FOUNDERS:
                    founders.append((index, structure))
                else:
                    types[index] = group[0]
    return types


@dataclass(frozen=True)
class _Group:
    """Structures with the same numbers of atoms of their elements."""

    elements: Tensor
    """Shape (n, elements)."""
    types: Tensor
    """Shape (n,)."""
    ways: Tensor
    """To replace the elements of one structure by those of another, shape (ways, elements)."""

    def voters(self, generator: torch.Generator) -> Tensor:
        """All structures, or some of them at random where they are many; shape (voters,)."""
        most = max(1, _MOST_WAYS // len(self.ways))
        return torch.randperm(len(self.types), generator=generator)[:most]


def learn_places(
    library: PrototypeLibrary, *, seed: int, shown: bool = False
) -> NDArray[np.float32]:
    """Place the elements so that similar ones are those that form the same types of structures.

    Neighbourhood components analysis (Goldberger et al., NIPS 2004): all other structures with the
    same numbers of atoms vote for the type of each, as :class:`~rm_lammps.seeds.votes.Votes` does;
    the places maximise the likelihood of the types. They begin at Pettifor's order.

    Args:
        library: its types are the labels.
        seed: of the random numbers.
        shown: whether to show progress.

    Returns:
        Shape (119, 8).
    """
    generator = torch.Generator().manual_seed(seed)
    order = torch.tensor(pettifor_order(), dtype=torch.float32)
    start = 0.05 * torch.randn(len(order), _DIMENSIONS, generator=generator)
    start[:, 0] += order / _ALIKE
    places = start.clone().requires_grad_()
    groups = list(_groups(library))
    batches: list[tuple[_Group, Tensor]] = []
    epochs = 0
    while groups and (epochs < _EPOCHS or len(batches) < _LEAST_BATCHES):
        batches += _epoch(groups, generator)
        epochs += 1
    total = sum(len(group.types) for group in groups)
    optimizer = torch.optim.Adam([places], lr=_LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, len(batches)))
    for group, rows in follow(batches, "similarity of elements", shown=shown):
        loss = _surprise(places, group, rows, group.voters(generator))
        loss = loss + _STAY * (places - start).square().sum() * len(rows) / total
        optimizer.zero_grad()
        (loss / _BATCH).backward()
        optimizer.step()
        schedule.step()
    return places.detach().numpy()


def _groups(library: PrototypeLibrary) -> Iterator[_Group]:
    for counts, (indices, elements) in library.by_counts().items():
        types = torch.tensor(library.types[indices])
        if len(types.unique()) < len(types):
            ways = torch.tensor(list(ways_to_replace(counts)))
            yield _Group(torch.tensor(elements), types, ways)


def _epoch(groups: Sequence[_Group], generator: torch.Generator) -> list[tuple[_Group, Tensor]]:
    batches = [
        (group, rows)
        for group in groups
        for rows in torch.randperm(len(group.types), generator=generator).split(_BATCH)
    ]
    return [batches[k] for k in torch.randperm(len(batches), generator=generator).tolist()]


def _surprise(places: Tensor, group: _Group, rows: Tensor, voters: Tensor) -> Tensor:
    """Minus the logarithm of the probability of some structures' types by the voters' votes."""
    own, others = group.elements[rows], group.elements[voters][:, group.ways]
    pairs = torch.log1p((places[:, None] - places).square().sum(dim=2))
    # shape (rows, voters, ways)
    dissimilarity = torch.stack(
        [pairs[own[:, k]][:, others[:, :, k]] for k in range(own.shape[1])]
    ).sum(dim=0)
    votes = torch.exp(-dissimilarity.amin(dim=2))
    other = voters != rows[:, None]
    alike = (group.types[voters] == group.types[rows, None]) & other
    right = (votes * alike).sum(dim=1) / (votes * other).sum(dim=1).clamp(min=1e-30)
    expected = torch.log((1 - _UNEXPECTED) * right + _UNEXPECTED)
    return -(expected * alike.any(dim=1)).sum()
