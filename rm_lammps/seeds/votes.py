"""Which known structures suit a composition, and how well."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from heapq import nsmallest
from math import gcd

import numpy as np
from ase.data import atomic_numbers

from rm_lammps.datasets.library import PrototypeLibrary, best_replacement, ways_to_replace

Composition = tuple[tuple[str, int], ...]
Blocks = tuple[tuple[int, ...], ...]
"""Places of a composition's elements, those that share sites together."""

DECORATED_WEIGHT = 0.02
"""Of the vote of a structure whose sites several elements share, as they can do so in many ways:
the maximum of the likelihood of 3,000 known crystals (docs/studies/crystals_votes.md)."""
REPEATED_WEIGHT = 0.01
"""Of the vote of a structure that a cell holds several times, as few cells are larger than needed:
the maximum of the likelihood of 3,000 known crystals (docs/studies/crystals_votes.md)."""
_MOST_CELLS = 4
"""Of a structure whose sites are shared, in one cell of the composition."""
_MOST_ELEMENTS = 7
"""Compositions of more elements share no sites: the ways to do so number thousands."""
_DECORATIONS = 16
"""Times that a structure whose sites are shared stands in the order."""
_MOST_CANDIDATES = 2000
_COMPOSITIONS_KEPT = 16


@dataclass(frozen=True)
class Candidate:
    """A known structure that suits a composition."""

    index: int
    """In the library."""
    replaced: tuple[int, ...]
    """Atomic number that each element of the composition replaces."""
    cells: int
    """Of the structure in one of the composition."""
    share: float
    """Of all votes, those for structures of its type."""

    @property
    def shares_sites(self) -> bool:
        """Whether several elements replace one."""
        return len(set(self.replaced)) < len(self.replaced)

    @property
    def weight(self) -> float:
        """Of its votes."""
        if self.shares_sites:
            return DECORATED_WEIGHT
        return REPEATED_WEIGHT if self.cells > 1 else 1.0


class Votes:
    """Known structures in the order in which they suit a composition.

    A composition's elements take the places of those with equally many atoms. Every structure with
    these numbers of atoms votes for its type; its vote is the product, over the composition's
    elements, of 1 / (1 + d²), where d is the distance of the library's places of the element and of
    the one it replaces, for the way of replacing with the largest product. The type with most votes
    comes first; a type is represented by its structure with the largest vote.

    A structure may also be there several times, where the numbers of atoms have a common divisor:
    rock salt for Na4Cl4. Such votes count ``REPEATED_WEIGHT``.

    Several elements may also share the sites of one, in up to four cells of the known structure:
    ordered variants of simpler crystals. Such votes count ``DECORATED_WEIGHT``, and a structure
    comes again and again, each time in the order with a smaller part of its vote, 1/2, 1/3, ...

    Args:
        library: the crystals.
    """

    def __init__(self, library: PrototypeLibrary) -> None:
        self._types = library.types
        self._dissimilarity = library.dissimilarity()
        self._by_counts = library.by_counts()
        self.candidates = lru_cache(maxsize=_COMPOSITIONS_KEPT)(self._find)

    def _find(self, composition: Composition) -> list[Candidate]:
        votes = [
            vote
            for blocks, cells in _ways_to_fill(composition)
            for vote in self._count(composition, blocks, cells)
        ]
        total = sum(vote.share for vote in votes)
        # of equally many votes, elements of their own first
        turns = [
            (-vote.share / turn, number)
            for number, vote in enumerate(votes)
            for turn in range(1, (_DECORATIONS if vote.shares_sites else 1) + 1)
        ]
        found = [replace(vote, share=vote.share / total) for vote in votes]
        return [found[number] for _, number in nsmallest(_MOST_CANDIDATES, turns)]

    def _count(self, composition: Composition, blocks: Blocks, cells: int) -> list[Candidate]:
        """Types, the nearest structure of each, with their votes instead of a share."""
        counts = [sum(composition[place][1] for place in block) // cells for block in blocks]
        if (known := self._by_counts.get(tuple(sorted(counts)))) is None:
            return []
        indices, elements = known
        block_of = np.empty(len(composition), dtype=int)
        for number, block in enumerate(blocks):
            block_of[list(block)] = number
        own = [atomic_numbers[symbol] for symbol, _ in composition]
        # shape (ways, elements of the composition)
        ways = np.array(list(ways_to_replace(counts)))[:, block_of]
        replaced, dissimilarity = best_replacement(self._dissimilarity, elements, ways, own)
        _, of_type = np.unique(self._types[indices], return_inverse=True)
        votes = np.bincount(of_type, np.exp(-dissimilarity))
        nearest: dict[int, int] = {}
        for k in np.argsort(dissimilarity, kind="stable").tolist():
            nearest.setdefault(int(of_type[k]), k)
        found = [
            Candidate(
                int(indices[k]),
                tuple(replaced[k].tolist()),
                cells,
                float(votes[kind]),
            )
            for kind, k in nearest.items()
        ]
        return [replace(some, share=some.weight * some.share) for some in found]


def _ways_to_fill(composition: Composition) -> Iterator[tuple[Blocks, int]]:
    """Elements that share sites, at first none, and numbers of cells that hold the atoms then."""
    alone: Blocks = tuple((place,) for place in range(len(composition)))
    shared = len(composition) <= _MOST_ELEMENTS
    for blocks in _partitions(len(composition)) if shared else [alone]:
        common = gcd(*(sum(composition[place][1] for place in block) for block in blocks))
        most = common if blocks == alone else _MOST_CELLS
        yield from ((blocks, n) for n in range(1, most + 1) if common % n == 0)


def _partitions(n: int) -> Iterator[Blocks]:
    """All ways to put the numbers below n together."""
    if n == 0:
        yield ()
        return
    for blocks in _partitions(n - 1):
        yield (*blocks, (n - 1,))
        for k, block in enumerate(blocks):
            yield (*blocks[:k], (*block, n - 1), *blocks[k + 1 :])
