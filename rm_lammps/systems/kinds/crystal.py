"""Crystals, and all that fills space."""

from collections.abc import Mapping

import ase

from rm_lammps.systems.system import SYSTEMS, System

_FEW_ELEMENTS = 10
"""Models of more know no minimum to better than 0.1 Å."""
_LARGEST_MIXED = 64
"""Atoms; large disordered cells have no symmetry to begin with."""

_LEADING = 8
"""Known structures before other seeds: as many as make them no worse than known structures alone,
however few seeds are asked for (docs/studies/blind_search.md)."""


@SYSTEMS.register
class Crystal(System):
    """Structures that are periodic in three directions."""

    name = "crystal"
    plural = "crystals"
    pbc = (True, True, True)
    fallback = "random"

    def preset(self, n_species: int) -> str:
        """Take hops where there is one element: they cost more, and leave minima of prototypes."""
        if n_species == 1:
            return "hops"
        return "quick" if n_species <= _FEW_ELEMENTS else "prediction"

    def seed_kinds(self, n_species: int, n_atoms: int) -> Mapping[str, float]:
        """Mix kinds, except for models of one element and large cells."""
        if self._is_mixed(n_species, n_atoms):
            return {"prototype": 4.0, "learned_symmetry": 3.0, "symmetric": 0.5, "random": 0.5}
        return {"random": 1.0}

    def leading_seeds(self, n_species: int, n_atoms: int) -> Mapping[str, int]:
        """Begin with the known structures that suit best, which are right more often."""
        return {"prototype": _LEADING} if self._is_mixed(n_species, n_atoms) else {}

    def _is_mixed(self, n_species: int, n_atoms: int) -> bool:
        return n_species > 1 and n_atoms <= _LARGEST_MIXED

    def smallest(self, symbol: str) -> ase.Atoms:
        """Put two atoms into a cube."""
        return ase.Atoms([symbol] * 2, [[0, 0, 0], [1.5, 0, 0]], cell=3 * [3.0], pbc=True)
