"""The network of bonds: who has how many neighbours, which bonds are wrong, rings."""

from collections import Counter, deque
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import ase
import numpy as np
from ase.data import covalent_radii
from pymatgen.core import Element
from scipy.sparse import coo_array

from rm_lammps.analysis.disorder.blocks import Ints, pairs_in_blocks
from rm_lammps.geometry import Array

_UNLIKE, _LIKE = 1.25, 1.15
"""Longest bonds, in units of the sum of the covalent radii."""
LONGEST_RING = 12
_RING_ATOMS = 4_000
"""Atoms from which rings are counted, drawn at random in larger cells."""
_FEWEST_ATOMS = 200
"""For rings and curves that mean something."""


def longest_bond(first: int, second: int) -> float:
    """Distance up to which atoms of two elements are bonded, Å.

    Args:
        first: atomic number.
        second: atomic number.
    """
    factor = _LIKE if first == second else _UNLIKE
    return float(factor * (covalent_radii[first] + covalent_radii[second]))


@dataclass(frozen=True)
class Network:
    """A cell's bonds.

    Of compounds, bonds are between unlike elements of which one is the most electronegative of
    all; others are wrong. Of elements all are right.
    """

    numbers: Ints
    """Atomic numbers."""
    first: Ints
    """First atom of each ordered pair that is bonded, ascending."""
    second: Ints
    vectors: Array
    """shape (pairs, 3), Å."""
    wrong: int
    """Bonds that are wrong, each counted once."""

    @classmethod
    def of(cls, atoms: ase.Atoms, longest: float | None = None) -> "Network":
        """Find the bonds of a periodic cell.

        Args:
            atoms: the cell.
            longest: bond of an element, Å; by the covalent radii unless given.
        """
        numbers = atoms.numbers.astype(int)
        species = np.unique(numbers).tolist()
        limits = np.zeros((max(species) + 1,) * 2)
        for a in species:
            for b in species:
                limits[a, b] = longest_bond(a, b)
        if longest is not None and len(species) == 1:
            limits[species[0], species[0]] = longest
        anion = most_electronegative(species)
        parts, wrong = [], 0
        for pairs in pairs_in_blocks(atoms, float(limits.max())):
            a, b = numbers[pairs.first], numbers[pairs.second]
            bonded = pairs.distances < limits[a, b]
            right = bonded & ((a == anion) != (b == anion) if len(species) > 1 else True)
            wrong += int((bonded & ~right).sum())
            parts.append((pairs.first[right], pairs.second[right], pairs.vectors[right]))
        first = np.concatenate([part[0] for part in parts])
        order = np.argsort(first, kind="stable")
        return cls(
            numbers,
            first[order],
            np.concatenate([part[1] for part in parts])[order],
            np.concatenate([part[2] for part in parts])[order],
            wrong // 2,
        )

    @cached_property
    def begins(self) -> Ints:
        """Where the bonds of each atom begin, shape (atoms + 1,)."""
        found: Ints = np.searchsorted(self.first, np.arange(len(self.numbers) + 1))
        return found

    @cached_property
    def degrees(self) -> Ints:
        """Bonds of each atom."""
        return np.diff(self.begins)

    @property
    def compound(self) -> bool:
        """Whether there are several elements."""
        return len(self.species) > 1

    @cached_property
    def species(self) -> list[int]:
        """Atomic numbers that there are, ascending."""
        found: list[int] = np.unique(self.numbers).tolist()
        return found

    @cached_property
    def anion(self) -> int:
        """Atomic number of the most electronegative element."""
        return most_electronegative(self.species)

    @property
    def wrong_share(self) -> float:
        """Wrong bonds among all."""
        bonds = len(self.first) // 2 + self.wrong
        return self.wrong / bonds if bonds else 0.0

    def coordination(self) -> dict[int, dict[int, float]]:
        """Share of each element's atoms by number of neighbours."""
        result = {}
        for number in self.species:
            own = self.degrees[self.numbers == number]
            result[number] = {
                n: float(count / len(own)) for n, count in enumerate(np.bincount(own)) if count
            }
        return result

    def bridges(self) -> dict[int, dict[int, float]]:
        """Of compounds: share of each other element's atoms by number of bridging anions (Q^n)."""
        if not self.compound:
            return {}
        bridging = (self.numbers == self.anion) & (self.degrees >= 2)
        held = np.bincount(
            self.first, bridging[self.second].astype(float), len(self.numbers)
        ).astype(int)
        result = {}
        for number in self.species:
            if number != self.anion:
                own = held[self.numbers == number]
                result[number] = {
                    n: float(count / len(own)) for n, count in enumerate(np.bincount(own)) if count
                }
        return result

    def edge_sharing(self) -> dict[int, float]:
        """Of compounds: share of each other element's atoms that share two anions with another.

        Their polyhedra have an edge in common, or a face.
        """
        if not self.compound:
            return {}
        bonds = self.numbers[self.second] == self.anion
        held = coo_array(
            (np.ones(bonds.sum(), dtype=int), (self.first[bonds], self.second[bonds])),
            shape=(len(self.numbers),) * 2,
        ).tocsr()
        shared = (held @ held.T).tocoo()
        pairs = (shared.data >= 2) & (shared.row != shared.col)
        found = np.bincount(shared.row[pairs], minlength=len(self.numbers)) > 0
        return {n: float(found[self.numbers == n].mean()) for n in self.species if n != self.anion}

    def rings(self, rng: np.random.Generator) -> dict[int, float]:
        """Shortest rings through each two bonds of an atom (King's criterion), by size.

        Of compounds, rings pass through the atoms that are not anions, and these are counted.

        Args:
            rng: to choose atoms in cells of many.

        Returns:
            Share of the pairs of bonds, by number of atoms; pairs without a ring of up to
            :data:`LONGEST_RING` are left out.
        """
        formers = np.arange(len(self.numbers))
        unit = 1
        if self.compound:
            formers = np.flatnonzero(self.numbers != self.anion)
            unit = 2
        if len(formers) > _RING_ATOMS:
            formers = rng.choice(formers, _RING_ATOMS, replace=False)
        begins, second = self.begins.tolist(), self.second.tolist()
        neighbours = [second[begins[k] : begins[k + 1]] for k in range(len(self.numbers))]
        counts: Counter[int] = Counter()
        pairs = 0
        for atom in formers.tolist():
            for a, b in combinations(neighbours[atom], 2):
                pairs += 1
                size = _ring(neighbours, atom, a, b, unit * LONGEST_RING)
                if size:
                    counts[size // unit] += 1
        return {size: counts[size] / max(pairs, 1) for size in sorted(counts)}


def most_electronegative(numbers: list[int]) -> int:
    """Atomic number of the element of highest electronegativity (Pauling)."""
    return max(numbers, key=lambda number: float(Element.from_Z(number).X))


def _ring(neighbours: list[list[int]], without: int, start: int, goal: int, longest: int) -> int:
    """Atoms of the shortest ring through start, an atom, and goal; 0 if it is longer than allowed.

    Both ends are followed in turn, so that a ring is found when it is half walked.
    """
    if start == goal:
        return 2
    seen = ({start: 0, without: -1}, {goal: 0, without: -1})
    fronts = (deque([start]), deque([goal]))
    walked = 0
    while walked + 2 < longest and fronts[0] and fronts[1]:
        side = 0 if len(fronts[0]) <= len(fronts[1]) else 1
        mine, other = seen[side], seen[1 - side]
        walked += 1
        best = 0
        for _ in range(len(fronts[side])):
            atom = fronts[side].popleft()
            for near in neighbours[atom]:
                if near == without or near in mine:
                    continue
                mine[near] = mine[atom] + 1
                if near in other:
                    size = mine[near] + other[near] + 2
                    best = size if not best else min(best, size)
                fronts[side].append(near)
        if best:
            return best
    return 0


def enough_atoms(atoms: ase.Atoms) -> bool:
    """Whether curves and rings of a cell mean something."""
    return len(atoms) >= _FEWEST_ATOMS
