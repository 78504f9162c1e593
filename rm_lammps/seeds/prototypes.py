"""Seeds from known structures whose elements are replaced by others."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
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

Candidate = tuple[int, tuple[int, ...]]
"""A structure by number, and the atomic number that each element of the composition replaces."""


class Prototypes:
    """Crystals in the order in which they suit a composition.

    A composition's elements take the places of those with equally many atoms; of all ways the one
    counts that replaces elements by similar ones: the least mean difference of their places in
    Pettifor's chemical order (J. Phys. C 19, 285 (1986)). Of each type of structure the nearest
    is taken.

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
        self._nearest = lru_cache(maxsize=_COMPOSITIONS_KEPT)(self._find_nearest)

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
            number: which structure, 0 for the nearest; it begins again after the last one.

        Returns:
            Periodic structure in Å; ``info["prototype"]`` is its place in the order. ``None`` where
            no structure has this stoichiometry.
        """
        nearest = self._nearest(tuple(composition.items()))
        if not nearest:
            return None
        place = number % len(nearest)
        index, replaced = nearest[place]
        prototype = self._library.atoms(index)
        sites = [k for old in replaced for k in np.flatnonzero(prototype.numbers == old)]
        symbols = [symbol for symbol, n in composition.items() for _ in range(n)]
        ratio = statistics.volume(composition) / _expected_volume(prototype, statistics)
        seed = ase.Atoms(
            symbols,
            scaled_positions=prototype.get_scaled_positions()[sites],
            cell=prototype.cell.array * ratio ** (1 / 3),
            pbc=True,
            info={"prototype": place},
        )
        return perturb(seed, _DISPLACEMENT, _STRAIN, rng)

    def _find_nearest(self, composition: tuple[tuple[str, int], ...]) -> list[Candidate]:
        """The nearest structure of each type, nearest first."""
        counts = [n for _, n in composition]
        indices = self._by_counts.get(tuple(sorted(counts)), [])
        if not indices:
            return []
        elements = np.array([self._elements[index] for index in indices])
        order = _chemical_order()
        places = order[[atomic_numbers[symbol] for symbol, _ in composition]]
        ways = np.array(list(_ways(counts)))
        # shape (ways, structures): mean over the elements of the composition
        distances = np.abs(order[elements][:, ways] - places).mean(axis=2).T
        way, distance = distances.argmin(axis=0), distances.min(axis=0)
        first: dict[int, Candidate] = {}
        for k in np.argsort(distance, kind="stable"):
            replaced = tuple(elements[k][ways[way[k]]].tolist())
            first.setdefault(int(self._library.types[indices[k]]), (indices[k], replaced))
        return list(first.values())


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
