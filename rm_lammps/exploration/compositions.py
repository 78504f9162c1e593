"""Compositions of a chemical system whose charges balance."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import gcd, log

import numpy as np
from ase.data import atomic_numbers
from numpy.typing import NDArray

from rm_lammps.chemistry.formula import count_atoms, reduced_formula
from rm_lammps.datasets.library import PrototypeLibrary, best_replacement, ways_to_replace
from rm_lammps.seeds import charge_balanced

_NONE = 0.1
"""Votes that every composition has."""


@dataclass(frozen=True)
class Possible:
    """A composition that may hold a phase."""

    formula: str
    """Elements in the order of the system."""
    reduced: str
    """The same as runs name their compositions."""
    cells: tuple[str, ...]
    """Contents of the cells to try, the most usual first."""
    fractions: NDArray[np.float64]
    """Of the elements of the system, shape (n_elements,)."""
    usual: float
    """ln of the votes of known structures for it, against those for the first; at most 0."""


def possible_compositions(
    elements: Sequence[str], max_atoms: int, cells: int, library: PrototypeLibrary
) -> list[Possible]:
    """Compositions of two elements or more with balanced oxidation states.

    What is usual is what known structures vote for: each one whose elements have as many atoms
    counts the more the more similar its elements are.

    Args:
        elements: of the system.
        max_atoms: in a cell.
        cells: numbers of formula units to try of each composition, at most.
        library: known structures.

    Raises:
        UserError: smact is not installed.
    """
    votes = _Votes(library, elements)
    found = []
    for counts in _reduced(len(elements), max_atoms):
        formula = formula_of(elements, counts)
        if charge_balanced(formula):
            of_cells = {
                units: votes.of([units * n for n in counts])
                for units in range(1, max_atoms // sum(counts) + 1)
            }
            found.append((formula, counts, of_cells))
    most = max((sum(of_cells.values()) for *_, of_cells in found), default=0.0)
    return [
        Possible(
            formula,
            reduced_formula(count_atoms(formula)),
            _cells(elements, counts, of_cells, cells),
            np.array(counts) / sum(counts),
            log((sum(of_cells.values()) + _NONE) / (most + _NONE)),
        )
        for formula, counts, of_cells in found
    ]


class _Votes:
    """Votes of known structures for the numbers of atoms of some elements."""

    def __init__(self, library: PrototypeLibrary, elements: Sequence[str]) -> None:
        self._known, self._dissimilarity = library.by_counts(), library.dissimilarity()
        self._numbers = [atomic_numbers[symbol] for symbol in elements]

    def of(self, counts: Sequence[int]) -> float:
        there = [(number, n) for number, n in zip(self._numbers, counts, strict=True) if n]
        own, atoms = [number for number, _ in there], [n for _, n in there]
        if (known := self._known.get(tuple(sorted(atoms)))) is None:
            return 0.0
        ways = np.array(list(ways_to_replace(atoms)))
        _, dissimilarity = best_replacement(self._dissimilarity, known[1], ways, own)
        return float(np.exp(-dissimilarity).sum())


def formula_of(elements: Sequence[str], counts: Sequence[int]) -> str:
    """``(Sr, Ti, O), (1, 0, 2)`` is ``SrO2``."""
    pairs = zip(elements, counts, strict=True)
    return "".join(f"{symbol}{n if n > 1 else ''}" for symbol, n in pairs if n)


def _reduced(n_elements: int, max_atoms: int) -> Iterator[tuple[int, ...]]:
    """Numbers of atoms without a common divisor, of two elements or more, fewer atoms first."""
    found = []
    for size in range(2, n_elements + 1):
        # bars between the atoms: what lies between two of them is of one element
        for ends in combinations(range(1, max_atoms + 1), size):
            counts = [high - low for low, high in zip((0, *ends), ends, strict=False)]
            if gcd(*counts) == 1:
                found += [_spread(counts, where, n_elements) for where in _places(size, n_elements)]
    yield from sorted(found, key=lambda counts: (sum(counts), counts))


def _places(size: int, n_elements: int) -> Iterator[tuple[int, ...]]:
    return combinations(range(n_elements), size)


def _spread(counts: Sequence[int], where: Sequence[int], n_elements: int) -> tuple[int, ...]:
    every = [0] * n_elements
    for place, n in zip(where, counts, strict=True):
        every[place] = n
    return tuple(every)


def _cells(
    elements: Sequence[str], counts: Sequence[int], votes: Mapping[int, float], number: int
) -> tuple[str, ...]:
    """Cells with most votes, by their numbers of formula units; the smallest where none has any."""
    best = sorted(votes, key=lambda units: (-votes[units], units))[:number]
    chosen = [units for units in best if votes[units]] or [1]
    return tuple(formula_of(elements, [units * n for n in counts]) for units in chosen)
