"""What the unique structures of one composition are ranked by."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

PROTOTYPE_WEIGHT = 0.1
SYMMETRY_WEIGHT = 0.03
"""Pseudo-eV; where the likelihood of 170 known crystals is largest: see
docs/studies/crystals_ranking.md."""

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

    def score(
        self,
        energy: ArrayLike,
        found: ArrayLike,
        orders: ArrayLike,
        shares: ArrayLike,
    ) -> NDArray[np.float64]:
        """``rank_score``: lower is better, compared within a composition only.

        Args:
            energy: E~, pseudo-eV per atom, shape (n,).
            found: seeds that ended in each structure, shape (n,).
            orders: of the point groups, shape (n,); any where symmetry weighs nothing.
            shares: of the votes, for the type of known structure that led to each, shape (n,);
                0 for none. They count where any structure has one.
        """
        share = np.asarray(shares, dtype=float)
        malus = -self.prototype * np.log(np.maximum(share, _NO_SHARE)) if share.any() else 0.0
        bonus = self.found * np.log(np.asarray(found, dtype=float))
        bonus += self.symmetry_weight(share) * np.log(np.asarray(orders, dtype=float))
        return np.asarray(energy, dtype=float) - bonus + malus

    def symmetry_weight(self, shares: ArrayLike) -> float:
        """What symmetry weighs among structures of these shares of the votes; pseudo-eV."""
        if self.symmetry is not None:
            return self.symmetry
        return SYMMETRY_WEIGHT if np.any(shares) else 0.0
