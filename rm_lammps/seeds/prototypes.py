"""Seeds from known structures whose elements are replaced by others."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations, product
from pathlib import Path

import ase
import numpy as np
from ase.data import atomic_numbers, chemical_symbols
from numpy.typing import NDArray

from rm_lammps.datasets import DatasetStatistics, read_structures
from rm_lammps.datasets.prototypes import PrototypeLibrary
from rm_lammps.errors import UserError
from rm_lammps.seeds.perturbed import perturb

_DISPLACEMENT = 0.1
_STRAIN = 0.02
"""Enough to leave a symmetry that the composition may not have."""
_COMPOSITIONS_KEPT = 64


@dataclass(frozen=True)
class Candidate:
    """A known structure that suits a composition."""

    index: int
    """In the library."""
    replaced: tuple[int, ...]
    """Atomic number that each element of the composition replaces."""
    share: float
    """Of all votes, those for structures of its type."""


class Prototypes:
    """Crystals in the order in which they suit a composition.

    A composition's elements take the places of those with equally many atoms. Every structure with
    these numbers of atoms votes for its type; its vote is the product, over the composition's
    elements, of 1 / (1 + n), where the element replaced is n places away in Pettifor's chemical
    order (J. Phys. C 19, 285 (1986)), for the way of replacing with the least mean n. The type with
    most votes comes first; a type is represented by its structure of least mean n.

    Args:
        library: the crystals.
    """

    def __init__(self, library: PrototypeLibrary) -> None:
        self._library = library
        self._by_counts: dict[tuple[int, ...], list[int]] = defaultdict(list)
        self._elements = []
        for index, (elements, counts) in enumerate(library.contents()):
            self._elements.append(elements)
            self._by_counts[tuple(counts.tolist())].append(index)
        self._suiting = lru_cache(maxsize=_COMPOSITIONS_KEPT)(self._find_suiting)

    @classmethod
    def read(cls, file: Path) -> "Prototypes":
        """Take the crystals of a file; molecules are left out.

        Raises:
            UserError: unreadable, or without crystals.
        """
        crystals = [atoms for atoms in read_structures(file) if atoms.pbc.all()]
        if not crystals:
            raise UserError(f"{file} holds no crystals.", "Give a file of periodic structures.")
        return cls(PrototypeLibrary.of(crystals))

    def draw(
        self,
        composition: Mapping[str, int],
        statistics: DatasetStatistics,
        rng: np.random.Generator,
        number: int = 0,
    ) -> ase.Atoms | None:
        """Put the composition's elements into a structure with as many atoms of each, and perturb.

        The volume is the structure's own, times the ratio of the volumes expected of the new and
        of the old elements.

        Args:
            composition: atoms of the cell by element; their order is kept.
            statistics: of the training data.
            rng: source of randomness of the perturbation.
            number: which structure, 0 for the first; it begins again after the last one.

        Returns:
            Periodic structure in Å; ``info`` has its place in the order, ``prototype``, and its
            ``prototype_share`` of the votes. ``None`` where no structure has this stoichiometry.
        """
        candidates = self._suiting(tuple(composition.items()))
        if not candidates:
            return None
        place = number % len(candidates)
        chosen = candidates[place]
        prototype = self._library.atoms(chosen.index)
        sites = [k for old in chosen.replaced for k in np.flatnonzero(prototype.numbers == old)]
        symbols = [symbol for symbol, n in composition.items() for _ in range(n)]
        ratio = statistics.volume(composition) / _expected_volume(prototype, statistics)
        seed = ase.Atoms(
            symbols,
            scaled_positions=prototype.get_scaled_positions()[sites],
            cell=prototype.cell.array * ratio ** (1 / 3),
            pbc=True,
            info={"prototype": place, "prototype_share": chosen.share},
        )
        return perturb(seed, _DISPLACEMENT, _STRAIN, rng)

    def _find_suiting(self, composition: tuple[tuple[str, int], ...]) -> list[Candidate]:
        """One structure of each type, most votes first."""
        counts = [n for _, n in composition]
        indices = self._by_counts.get(tuple(sorted(counts)), [])
        if not indices:
            return []
        elements = np.array([self._elements[index] for index in indices])
        order = _chemical_order()
        places = order[[atomic_numbers[symbol] for symbol, _ in composition]]
        ways = np.array(list(_ways(counts)))
        # shape (structures, ways, elements of the composition)
        steps = np.abs(order[elements][:, ways] - places)
        way = steps.mean(axis=2).argmin(axis=1)
        steps = steps[np.arange(len(indices)), way]
        _, of_type = np.unique(self._library.types[indices], return_inverse=True)
        votes = np.bincount(of_type, (1 / (1 + steps)).prod(axis=1))
        nearest: dict[int, int] = {}
        for k in np.argsort(steps.mean(axis=1), kind="stable").tolist():
            nearest.setdefault(int(of_type[k]), k)
        # of equally many votes, the nearest
        return [
            Candidate(
                indices[nearest[kind]],
                tuple(elements[nearest[kind]][ways[way[nearest[kind]]]].tolist()),
                float(votes[kind] / votes.sum()),
            )
            for kind in sorted(nearest, key=lambda kind: -votes[kind])
        ]


def _ways(counts: Sequence[int]) -> Iterator[list[int]]:
    """All ways to place elements: for each, its place among the structure's, rarest first."""
    ranked = np.argsort(counts, kind="stable")
    ordered = np.array(counts)[ranked]
    blocks = [np.flatnonzero(ordered == n).tolist() for n in np.unique(ordered)]
    for choice in product(*(permutations(block) for block in blocks)):
        way = np.empty(len(counts), dtype=int)
        way[ranked] = [place for block in choice for place in block]
        yield way.tolist()


@lru_cache(maxsize=1)
def _chemical_order() -> NDArray[np.float64]:
    """Pettifor's Mendeleev numbers by atomic number; elements without one come last."""
    # pymatgen takes long to load, and many runs have no prototypes
    from pymatgen.core import Element

    known = [Element(symbol).mendeleev_no for symbol in chemical_symbols[1:104]]
    last = max(n for n in known if n)
    return np.array([last, *(n or last for n in known), *(15 * [last])], dtype=float)


def _expected_volume(prototype: ase.Atoms, statistics: DatasetStatistics) -> float:
    """Volume expected of a structure's own elements, Å³; its real one if the data lacks some."""
    own = prototype.symbols.formula.count()
    known = all(statistics.volume_per_element.get(symbol, 0) > 0 for symbol in own)
    return statistics.volume(own) if known else prototype.get_volume()
