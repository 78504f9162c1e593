"""The first shell of neighbours in samples of something disordered."""

from collections.abc import Sequence
from itertools import combinations, combinations_with_replacement

import ase
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from rm_lammps.geometry import Array, pairs_of

DISORDERED = 500
"""Atoms; cells so large are samples of something disordered."""
_SMOOTHING = 1.5
"""Of g(r) where its minimum is sought, bins."""
_BIN = 0.05
"""Å."""
_PEAK, _FLAT = 0.5, 2e-4
"""In units of the largest g(r): what is a peak, and what is as low as the lowest."""
_SECOND_SHELL = 1.55
"""Before the second peak, in units of the first: 1.63 around tetrahedra, 1.73 in close packing."""
_SEPARATE = 1.2
"""Ratio of two shells that can be told apart: atoms counted last, and those not counted."""
_WHOLE, _NONE = 0.25, 0.8
"""Where a neighbour counts whole and not at all, on the way between them: in noise of 0.25 Å the
mean number of neighbours in silica is that without noise."""
_USUAL, _ALL, _MOST_NUMBERS = 0.05, 0.9, 3
"""Share of atoms that makes a number of neighbours usual, what the usual ones must cover, and how
many of them still say something."""
_POLYHEDRON, _APART = 3, 0.01
"""Neighbours that span something with edges, and share of such atoms that come as near as chance
has it: where they share an edge."""
_NEVER = 0.85
"""Of the shortest distance of others, which noise leads below now and then."""


class Shells(BaseModel):
    """How many neighbours elements have, for the energy terms of a glass."""

    model_config = ConfigDict(extra="forbid")

    neighbours: dict[str, list[int]]
    """Usual numbers by chemical symbol, ascending."""
    within: dict[str, tuple[float, float]]
    """Å, by two chemical symbols: where a neighbour counts whole, and beyond which it doesn't."""
    bonds: dict[str, float]
    """Å, median distance of neighbours, by two chemical symbols."""
    apart: dict[str, float]
    """Å: how near elements come that are no neighbours."""


def shells_of(frames: Sequence[ase.Atoms], cutoff: float) -> Shells | None:
    """Find the shells of large periodic cells.

    Neighbours are atoms of unlike elements, or of the only one, up to the first minimum of their
    g(r), if the next ones are clearly farther away.

    Args:
        frames: structures.
        cutoff: distance up to which neighbours are looked for, Å.

    Returns:
        ``None`` where a structure is small or no crystal's cell, and where no element has usual
        numbers.
    """
    if any(len(atoms) < DISORDERED or not all(atoms.pbc) for atoms in frames):
        return None
    symbols = np.concatenate([atoms.get_chemical_symbols() for atoms in frames])
    first, second, distances, begin = [], [], [], 0
    for atoms in frames:
        i, j, d = pairs_of("ijd", atoms, cutoff)
        first.append(i + begin)
        second.append(j + begin)
        distances.append(d)
        begin += len(atoms)
    pairs = _Pairs(
        symbols, np.concatenate(first), np.concatenate(second), np.concatenate(distances), cutoff
    )
    elements = sorted(set(symbols.tolist()))
    chosen = combinations(elements, 2) if len(elements) > 1 else [(elements[0],) * 2]
    within, bonds, counts = {}, {}, np.zeros(len(symbols), dtype=int)
    for a, b in chosen:
        found = pairs.shell(a, b)
        if found is not None:
            within[f"{a}-{b}"], bonds[f"{a}-{b}"], own = found
            counts += own
    neighbours = {
        symbol: usual
        for symbol in elements
        if any(symbol in pair.split("-") for pair in within)
        and (usual := _usual(counts[symbols == symbol]))
    }
    within = {p: limits for p, limits in within.items() if set(p.split("-")) & set(neighbours)}
    if not within:
        return None
    spanning = {s for s, numbers in neighbours.items() if max(numbers) >= _POLYHEDRON}
    apart = {
        f"{a}-{b}": round(
            float(np.quantile(near, _APART) if {a, b} <= spanning else _NEVER * near.min()), 2
        )
        for a, b in combinations_with_replacement(elements, 2)
        if f"{a}-{b}" not in within and len(near := pairs.nearest(a, b))
    }
    bonds = {pair: bonds[pair] for pair in within}
    return Shells(neighbours=neighbours, within=within, bonds=bonds, apart=apart)


class _Pairs:
    """All pairs of atoms up to a distance."""

    def __init__(
        self,
        symbols: NDArray[np.str_],
        first: NDArray[np.int_],
        second: NDArray[np.int_],
        distances: Array,
        cutoff: float,
    ) -> None:
        self._symbols, self._first, self._distances = symbols, first, distances
        self._elements = symbols[first], symbols[second]
        self._cutoff = cutoff

    def _between(self, a: str, b: str) -> tuple[NDArray[np.int_], Array]:
        """First atoms, and distances."""
        one, two = self._elements
        chosen = ((one == a) & (two == b)) | ((one == b) & (two == a))
        return self._first[chosen], self._distances[chosen]

    def nearest(self, a: str, b: str) -> Array:
        """Distance of each atom of both elements to the nearest of the other, Å."""
        first, distances = self._between(a, b)
        found = np.full(len(self._symbols), np.inf)
        np.minimum.at(found, first, distances)
        return found[np.isfinite(found)]

    def shell(self, a: str, b: str) -> tuple[tuple[float, float], float, NDArray[np.int_]] | None:
        """Where neighbours cease to count, their distance, Å, and how many each atom has.

        Returns:
            ``None`` where shells can't be told apart.
        """
        first, distances = self._between(a, b)
        if not len(first):
            return None
        edges = np.arange(0.0, self._cutoff + _BIN, _BIN)
        middle = 0.5 * (edges[1:] + edges[:-1])
        density = np.histogram(distances, edges)[0] / middle**2
        counted = distances <= first_minimum(middle, density)
        last = np.zeros(len(self._symbols))
        np.maximum.at(last, first[counted], distances[counted])
        following = np.full(len(self._symbols), self._cutoff)
        np.minimum.at(following, first[~counted], distances[~counted])
        of_both = np.isin(self._symbols, (a, b))
        end = float(np.median(last[of_both & (last > 0)]))
        gap = float(np.median(following[of_both])) - end
        if gap < (_SEPARATE - 1) * end:
            return None
        limits = round(end + _WHOLE * gap, 2), round(end + _NONE * gap, 2)
        bond = round(float(np.median(distances[counted])), 3)
        return limits, bond, np.bincount(first[counted], minlength=len(self._symbols))


def _usual(counts: NDArray[np.int_]) -> list[int]:
    """Numbers that many atoms have; empty if the others are too many, or these."""
    numbers, times = np.unique(counts, return_counts=True)
    usual = times >= _USUAL * len(counts)
    found: list[int] = numbers[usual].tolist()
    if times[usual].sum() < _ALL * len(counts) or usual.sum() > _MOST_NUMBERS or 0 in found:
        return []
    return found


def first_minimum(distances: Array, density: Array) -> float:
    """Distance of the first minimum behind the first peak of g(r), Å: where a shell ends.

    Where no distances are found between the shells, it is the middle of the gap.

    Args:
        distances: evenly spaced, Å.
        density: g(r) there, in any units.
    """
    from scipy.ndimage import gaussian_filter1d  # slow to import, and generation needs none of it

    smooth = gaussian_filter1d(density, _SMOOTHING)
    smooth /= smooth.max()
    peak = int(np.flatnonzero(smooth > _PEAK)[0])
    while peak + 1 < len(smooth) and smooth[peak + 1] > smooth[peak]:
        peak += 1
    behind = (distances > distances[peak]) & (distances < _SECOND_SHELL * distances[peak])
    if not behind.any():
        return float(distances[peak])
    lowest = np.isclose(smooth, smooth[behind].min(), atol=_FLAT) & behind
    return float(distances[lowest].mean())
