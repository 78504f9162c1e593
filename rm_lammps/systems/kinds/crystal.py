"""Crystals, and all that fills space."""

from collections.abc import Mapping

import ase

from rm_lammps.systems.system import SYSTEMS, System

_FEW_ELEMENTS = 10
"""Models of more know no minimum to better than 0.1 Å."""
_LARGEST_MIXED = 64
"""Atoms; large disordered cells have no symmetry to begin with."""


@SYSTEMS.register
class Crystal(System):
    """Periodic in three directions."""

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
        if n_species > 1 and n_atoms <= _LARGEST_MIXED:
            return {"prototype": 2.0, "learned_symmetry": 2.0, "symmetric": 0.5, "random": 0.5}
        return {"random": 1.0}

    def smallest(self, symbol: str) -> ase.Atoms:
        """Put two atoms into a cube."""
        return ase.Atoms([symbol] * 2, [[0, 0, 0], [1.5, 0, 0]], cell=3 * [3.0], pbc=True)
