"""What the unique structures of one composition are ranked by."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

PROTOTYPE_WEIGHT = 0.13
"""Pseudo-eV; the maximum of the likelihood of 85 known crystals (docs/crystals.md)."""


@dataclass(frozen=True)
class Ranking:
    """E~ per atom, and what speaks for or against a structure besides; pseudo-eV per atom."""

    found: float = 0.0
    """For each factor e in the number of seeds that ended in the structure: large basins belong to
    stable structures more often."""
    symmetry: float = 0.0
    """For each factor e in the order of the point group, 1 to 48."""
    prototype: float = PROTOTYPE_WEIGHT
    """Against it, for each factor e by which the type of known structure that it came from has
    fewer than all votes: crystals of similar elements have similar structures."""

    def score(
        self,
        energy: ArrayLike,
        found: ArrayLike,
        space_groups: Sequence[int],
        shares: ArrayLike,
    ) -> NDArray[np.float64]:
        """``rank_score``: lower is better, compared within a composition only.

        Args:
            energy: E~, pseudo-eV per atom, shape (n,).
            found: seeds that ended in each structure, shape (n,).
            space_groups: numbers; 0 where unknown.
            shares: of the votes, for the type of known structure that led to each, shape (n,);
                0 for none. They count where any structure has one.
        """
        share = np.asarray(shares, dtype=float)
        malus = -self.prototype * np.log(np.maximum(share, _NO_SHARE)) if share.any() else 0.0
        orders = np.array([point_group_order(number) for number in space_groups], dtype=float)
        bonus = self.found * np.log(np.asarray(found, dtype=float)) + self.symmetry * np.log(orders)
        return np.asarray(energy, dtype=float) - bonus + malus


_NO_SHARE = 0.01
"""Share of votes up to which a known structure says no more than none."""

_LAST_OF_ORDER = (
    *((0, 1), (1, 1), (9, 2), (46, 4), (74, 8), (82, 4), (122, 8), (142, 16), (146, 3)),
    *((161, 6), (167, 12), (174, 6), (190, 12), (194, 24), (199, 12), (220, 24), (230, 48)),
)
"""Last space group of each run of equal order of the point group, and that order; (15, 4) goes
with (46, 4), (88, 8) with (122, 8)."""


def point_group_order(number: int) -> int:
    """Order of the point group of a space group; 1 for an unknown one, 0."""
    return next(order for last, order in _LAST_OF_ORDER if number <= last)
