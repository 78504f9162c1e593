r"""Which space group and which Wyckoff positions a composition takes, learned from known crystals.

A *template* is a space group and, for each element, the Wyckoff positions that hold its atoms; it
knows no coordinates. The probability of template :math:`t` for a composition is

.. math::
    P(t) = \frac{\sum_s v_s [t_s = t] + \alpha\, Q(t)}{\sum_s v_s + \alpha}

The sum goes over the known crystals with the same numbers of atoms; :math:`v_s` is the vote of
:class:`~rm_lammps.seeds.votes.Votes`, large where the elements are alike. :math:`Q` generalises to
templates that no crystal has: the space group by numbers of atoms, each level of detail added to
the coarser one; then, element by element, sets of positions whose probability is the product of
weights of the positions, which are how often crystals of the space group occupy them.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
from ase.data import atomic_numbers
from numpy.typing import NDArray

from rm_lammps.datasets.library import PrototypeLibrary, best_replacement, ways_to_replace
from rm_lammps.geometry import Array
from rm_lammps.seeds.wyckoff import WyckoffPosition, by_letter, space_group_table

Template = tuple[int, tuple[str, ...]]
"""Space group, and the Wyckoff letters of each element's orbits, sorted."""

VOTES_FOR_Q = 0.3
"""alpha."""
DETAIL = 10.0
"""Crystals of one level of detail that weigh as much as the coarser level."""
RATE = 5.0
"""Crystals of a space group that weigh as much as what all space groups say of its positions."""
_LAST_GROUP = 230
_COMPOSITIONS_KEPT = 64


class SymmetryPrior:
    """A distribution of templates for every composition.

    Args:
        library: known crystals, with their space groups and letters.
        votes_for_q: alpha.
        detail: of the space groups' levels.
        rate: of the positions' weights.
        groups: space groups that templates may have; ``None`` for all.
    """

    def __init__(
        self,
        library: PrototypeLibrary,
        *,
        groups: frozenset[int] | None = None,
        votes_for_q: float = VOTES_FOR_Q,
        detail: float = DETAIL,
        rate: float = RATE,
    ) -> None:
        self._alpha = votes_for_q
        self._library = library
        self._dissimilarity = library.dissimilarity()
        self._by_counts = library.by_counts()
        self._allowed = frozenset(range(1, _LAST_GROUP + 1)) if groups is None else groups
        self._groups = _GroupPrior(library, detail, self._allowed)
        self._weights = _PositionWeights(library, rate)
        self._voters = lru_cache(maxsize=_COMPOSITIONS_KEPT)(self._find_voters)
        self._of_composition = lru_cache(maxsize=_COMPOSITIONS_KEPT)(self._votes)

    def draw(self, composition: Mapping[str, int], rng: np.random.Generator) -> Template | None:
        """Draw a template.

        Args:
            composition: atoms of the primitive cell by element.
            rng: source of randomness.

        Returns:
            ``None`` where the numbers of atoms led to positions that can't hold them.
        """
        templates, votes = self._of_composition(tuple(composition.items()))
        total = float(votes.sum())
        if rng.random() * (total + self._alpha) < total:
            return templates[rng.choice(len(templates), p=votes / total)]
        counts = list(composition.values())
        group = self._groups.draw(counts, rng)
        return None if group is None else self._weights.draw(group, counts, rng)

    def lattice(
        self, composition: Mapping[str, int], template: Template, rng: np.random.Generator
    ) -> Array | None:
        """Draw lengths and angles of a conventional cell with this template.

        Those of a known crystal of the same template, by its vote; of the same space group, where
        there is none.

        Args:
            composition: atoms of the primitive cell by element.
            template: of the cell.
            rng: source of randomness.

        Returns:
            Å and degrees, shape (6,); ``None`` where no crystal has the space group.
        """
        voters = self._voters(tuple(composition.items())).get(template)
        if voters is None:
            same = np.flatnonzero(self._library.groups == template[0])
            if not len(same):
                return None
            return self._library.lattices[rng.choice(same)].astype(float)
        indices, votes = zip(*voters, strict=True)
        chosen = rng.choice(len(indices), p=np.array(votes) / sum(votes))
        return self._library.lattices[indices[chosen]].astype(float)

    def probability(self, composition: Mapping[str, int], template: Template) -> float:
        """Probability that :meth:`draw` gives this template, where it gives one."""
        content = tuple(composition.items())
        own = sum(vote for _, vote in self._voters(content).get(template, ()))
        total = float(self._of_composition(content)[1].sum())
        general = self._alpha * self.generalised(composition, template)
        return (own + general) / (total + self._alpha)

    def generalised(self, composition: Mapping[str, int], template: Template) -> float:
        """Q of a template: what the prior knows without crystals of the same template."""
        counts = list(composition.values())
        group, letters = template
        return self._groups.probability(counts, group) * self._weights.probability(
            group, counts, letters
        )

    def _votes(
        self, composition: tuple[tuple[str, int], ...]
    ) -> tuple[list[Template], NDArray[np.float64]]:
        """Templates of the known crystals with these numbers of atoms, and their votes."""
        voters = self._voters(composition)
        votes = [sum(vote for _, vote in some) for some in voters.values()]
        return list(voters), np.array(votes)

    def _find_voters(
        self, composition: tuple[tuple[str, int], ...]
    ) -> dict[Template, list[tuple[int, float]]]:
        """Known crystals with these numbers of atoms and their votes, by template."""
        counts = [n for _, n in composition]
        known = self._by_counts.get(tuple(sorted(counts)))
        if known is None:
            return {}
        indices, elements = known
        own = [atomic_numbers[symbol] for symbol, _ in composition]
        ways = np.array(list(ways_to_replace(counts)))
        replaced, dissimilarity = best_replacement(self._dissimilarity, elements, ways, own)
        vote = np.exp(-dissimilarity)
        found: dict[Template, list[tuple[int, float]]] = defaultdict(list)
        for k, index in enumerate(indices.tolist()):
            if int(self._library.groups[index]) not in self._allowed:
                continue
            letters = dict(
                zip(sorted(elements[k].tolist()), self._library.letters[index].split(), strict=True)
            )
            of_each = tuple(letters[number] for number in replaced[k].tolist())
            template = (int(self._library.groups[index]), of_each)
            found[template].append((index, float(vote[k])))
        return dict(found)


class _GroupPrior:
    """Space groups by numbers of atoms, in levels of detail."""

    def __init__(self, library: PrototypeLibrary, detail: float, allowed: frozenset[int]) -> None:
        self._detail = detail
        self._allowed = allowed
        self._counts: dict[tuple, NDArray[np.float64]] = defaultdict(
            lambda: np.zeros(_LAST_GROUP + 1)
        )
        for index, group in enumerate(library.groups.tolist()):
            if group:
                numbers = library.numbers(index)
                of_each = np.unique(numbers, return_counts=True)[1].tolist()
                for level in _levels(of_each):
                    self._counts[level][group] += 1
        self._shares = lru_cache(maxsize=4096)(self._mix)

    def _mix(self, counts: tuple[int, ...]) -> NDArray[np.float64]:
        share = np.full(_LAST_GROUP + 1, 1 / _LAST_GROUP)
        share[0] = 0
        for level in _levels(counts):
            if level in self._counts:
                seen = self._counts[level]
                share = (seen + self._detail * share) / (seen.sum() + self._detail)
        fits = [
            g in self._allowed and all(space_group_table(g).reachable(n) for n in counts)
            for g in range(_LAST_GROUP + 1)
        ]
        share = share * fits
        return np.asarray(share / max(share.sum(), 1e-300))

    def probability(self, counts: Sequence[int], group: int) -> float:
        return float(self._shares(tuple(sorted(counts)))[group])

    def draw(self, counts: Sequence[int], rng: np.random.Generator) -> int | None:
        share = self._shares(tuple(sorted(counts)))
        return int(rng.choice(len(share), p=share)) if share.any() else None


def _levels(counts: Sequence[int]) -> list[tuple]:
    """From coarse to fine: all crystals, by number of atoms, of elements too, by all numbers."""
    ordered = tuple(sorted(counts))
    return [(), (sum(ordered),), (sum(ordered), len(ordered)), ("all", *ordered)]


class _PositionWeights:
    """Sets of Wyckoff positions of a space group, with the probability of each."""

    def __init__(self, library: PrototypeLibrary, rate: float) -> None:
        self._rate = rate
        self._occupied: dict[int, Counter[str]] = defaultdict(Counter)
        self._elements: Counter[int] = Counter()
        for group, letters in zip(library.groups.tolist(), library.letters.tolist(), strict=True):
            if group:
                self._occupied[group].update(letters.replace(" ", ""))
                self._elements[group] += letters.count(" ") + 1
        self._common = self._rates_by_freedom()

    def _rates_by_freedom(self) -> Array:
        """Orbits per element and position, of all space groups, by the position's freedom."""
        orbits, offered = np.zeros(4), np.zeros(4)
        for group, letters in self._occupied.items():
            for letter, position in by_letter(space_group_table(group)).items():
                orbits[position.freedom] += letters[letter]
                offered[position.freedom] += self._elements[group]
        return (orbits + 0.5) / (offered + 10)

    def weights(self, group: int) -> dict[str, float]:
        """Of the letters of a space group."""
        seen, n = self._occupied.get(group, Counter()), self._elements[group]
        return {
            letter: float(
                (seen[letter] + self._rate * self._common[position.freedom]) / (n + self._rate)
            )
            for letter, position in by_letter(space_group_table(group)).items()
        }

    def probability(self, group: int, counts: Sequence[int], letters: Sequence[str]) -> float:
        free = self.weights(group)
        table = by_letter(space_group_table(group))
        result = 1.0
        for place in _rarest_first(counts):
            taken = letters[place]
            own = np.prod([free.get(letter, 0.0) for letter in taken])
            result *= float(own) / max(sums_of_weights(table, free, counts[place])[-1][-1], 1e-300)
            for letter in taken:
                if table[letter].freedom == 0:
                    free.pop(letter, None)
        return result

    def draw(self, group: int, counts: Sequence[int], rng: np.random.Generator) -> Template | None:
        free = self.weights(group)
        table = by_letter(space_group_table(group))
        found = [""] * len(counts)
        for place in _rarest_first(counts):
            letters = draw_set(table, free, counts[place], rng)
            if letters is None:
                return None
            found[place] = "".join(sorted(letters))
            for letter in letters:
                if table[letter].freedom == 0:
                    free.pop(letter, None)
        return group, tuple(found)


def _rarest_first(counts: Sequence[int]) -> list[int]:
    return np.argsort(counts, kind="stable").tolist()


def sums_of_weights(
    table: Mapping[str, WyckoffPosition], free: Mapping[str, float], n: int
) -> list[Array]:
    """Sum the weights of all sets of positions that hold a number of atoms.

    Args:
        table: Wyckoff positions by letter.
        free: weights of the letters to take; that of a set is the product.
        n: largest number of atoms.

    Returns:
        For the first 0, 1, ... of the letters, the sums by number of atoms, each of shape (n + 1,).
    """
    sums = np.zeros(n + 1)
    sums[0] = 1.0
    tables = [sums]
    for letter, weight in free.items():
        position = table[letter]
        m, new = position.multiplicity, tables[-1].copy()
        if position.freedom == 0:
            new[m:] += weight * tables[-1][: n + 1 - m] if m <= n else 0
        else:
            for k in range(m, n + 1):
                new[k] += weight * new[k - m]
        tables.append(new)
    return tables


def draw_set(
    table: Mapping[str, WyckoffPosition],
    free: Mapping[str, float],
    n: int,
    rng: np.random.Generator,
) -> list[str] | None:
    """A set of positions that holds ``n`` atoms, by the product of its weights."""
    tables = sums_of_weights(table, free, n)
    if not tables[-1][n] > 0:
        return None
    letters, missing = [], n
    for number in range(len(free), 0, -1):
        letter = list(free)[number - 1]
        position, weight = table[letter], free[letter]
        m = position.multiplicity
        while missing >= m:
            before = tables[number - 1 if position.freedom == 0 else number][missing - m]
            if rng.random() * tables[number][missing] >= weight * before:
                break
            letters.append(letter)
            missing -= m
            if position.freedom == 0:
                break
        # without this position from here on
    return letters if missing == 0 else None
