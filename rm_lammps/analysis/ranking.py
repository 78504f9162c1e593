"""What the unique structures of one composition are ranked by."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

PROTOTYPE_WEIGHT = 0.05
SYMMETRY_WEIGHT = 0.01
"""Pseudo-eV; about where the likelihood of 2,759 known crystals is largest (see
docs/studies/crystals_ranking.md), and what ranks most of blind seeds first
(docs/studies/blind_search.md)."""

_NO_SHARE = 0.01
"""Share of votes up to which a known structure says no more than none."""


@dataclass(frozen=True)
class Ranking:
    """E~ per atom, and what speaks for or against a structure besides; pseudo-eV per atom."""

    found: float = 0.0
    """For each factor e in the number of seeds that ended in the structure: large basins belong to
    stable structures more often."""
    symmetry: float | None = None
    """For each factor e in the order of the point group, 1 to 48; ``SYMMETRY_WEIGHT`` where any
    structure came from a known one, and 0 elsewhere, unless given."""
    prototype: float = PROTOTYPE_WEIGHT
    """Against it, for each factor e by which the type of known structure that it came from has
    fewer than all votes, or the template of its seed a lower probability than one: crystals of
    similar elements have similar structures."""

    def parts(
        self, found: ArrayLike, orders: ArrayLike, shares: ArrayLike
    ) -> dict[str, NDArray[np.float64]]:
        """What is added to the energy: negative where it speaks for a structure.

        Args:
            found: seeds that ended in each structure, shape (n,).
            orders: of the point groups, shape (n,); any where symmetry weighs nothing.
            shares: of the votes, for the type of known structure that led to each, shape (n,);
                0 for none. They count where any structure has one.

        Returns:
            ``votes``, ``symmetry`` and ``found``, pseudo-eV per atom, shape (n,).
        """
        share = np.asarray(shares, dtype=float)
        votes = np.log(np.maximum(share, _NO_SHARE)) if share.any() else np.zeros(len(share))
        return {
            "votes": -self.prototype * votes,
            "symmetry": -self.symmetry_weight(share) * np.log(np.asarray(orders, dtype=float)),
            "found": -self.found * np.log(np.asarray(found, dtype=float)),
        }

    def symmetry_weight(self, shares: ArrayLike) -> float:
        """What symmetry weighs among structures of these shares of the votes; pseudo-eV."""
        if self.symmetry is not None:
            return self.symmetry
        return SYMMETRY_WEIGHT if np.any(shares) else 0.0
