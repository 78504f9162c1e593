"""Which compositions come next: where the hull is near, or nothing is known yet.

How far the lowest structure of a composition is above the hull is taken for a smooth function of
the composition, a Gaussian process. What comes next has the lowest mean, less its standard
deviation, and less what speaks for a usual stoichiometry.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from rm_lammps.exploration.compositions import Possible

_UNKNOWN = 0.1
"""eV per atom above the hull, expected where nothing is known, and the standard deviation there."""
_NOISE = 0.02
"""eV per atom, by which neighbouring compositions differ for reasons of their own."""
_LENGTH = 0.15
"""Distance in fractions of the elements over which the energy above the hull changes."""
_USUAL = 0.03
"""eV per atom for each factor e in the votes of known structures."""
_HIGHEST = 0.4
"""eV per atom: whatever lies higher is no phase, however much higher."""


@dataclass(frozen=True)
class Chosen:
    """A composition, and why it was chosen."""

    possible: Possible
    expected: float
    """eV per atom above the hull."""
    uncertainty: float
    """Its standard deviation, eV per atom."""


def choose(
    possible: Sequence[Possible],
    done: Collection[str],
    levels: Mapping[str, float],
    known: Sequence[tuple[NDArray[np.float64], float]],
    number: int,
) -> list[Chosen]:
    """Choose compositions that have not been looked at.

    Each one that is chosen counts as known to the next, so that they don't crowd in one place.

    Args:
        possible: all that there are.
        done: reduced formulas of those that were looked at.
        levels: energies above the hull that were found, by reduced formula, eV per atom.
        known: fractions of the elements and energy above the hull of known structures.
        number: how many are wanted.
    """
    of = {one.reduced: one for one in possible}
    seen = [(of[formula].fractions, level) for formula, level in levels.items() if formula in of]
    points = [where for where, _ in [*known, *seen]]
    values = [min(level, _HIGHEST) - _UNKNOWN for _, level in [*known, *seen]]
    left = [one for one in possible if one.reduced not in done]
    chosen: list[Chosen] = []
    while left and len(chosen) < number:
        mean, spread = _predict(points, values, np.array([one.fractions for one in left]))
        score = mean - spread - _USUAL * np.array([one.usual for one in left])
        best = int(score.argmin())
        one = left.pop(best)
        chosen.append(Chosen(one, float(mean[best]), float(spread[best])))
        points.append(one.fractions)
        values.append(float(mean[best]) - _UNKNOWN)
    return chosen


def _predict(
    points: Sequence[NDArray[np.float64]], values: Sequence[float], where: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of the process at some places, eV per atom, shape (n,)."""
    if not points:
        return np.full(len(where), _UNKNOWN), np.full(len(where), _UNKNOWN)
    at = np.array(points)
    factor = cho_factor(_kernel(at, at) + _NOISE**2 * np.eye(len(at)))
    between = _kernel(where, at)
    mean = _UNKNOWN + between @ cho_solve(factor, np.array(values))
    variance = _UNKNOWN**2 - (between * cho_solve(factor, between.T).T).sum(axis=1)
    return mean, np.sqrt(np.maximum(variance, 0.0))


def _kernel(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    squared = ((a[:, None] - b[None]) ** 2).sum(axis=-1)
    return _UNKNOWN**2 * np.exp(-squared / (2 * _LENGTH**2))
