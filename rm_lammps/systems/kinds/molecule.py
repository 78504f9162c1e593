"""Molecules, alone in space."""

from collections.abc import Mapping

import ase

from rm_lammps.chemistry.bonds import fragments
from rm_lammps.chemistry.composition import check_hydrogens
from rm_lammps.systems.system import SYSTEMS, System


@SYSTEMS.register
class Molecule(System):
    """Single molecules without periodicity; a result must be neutral and in one piece."""

    name = "molecule"
    plural = "molecules"
    pbc = (False, False, False)
    learned_from = "molecule"
    fallback = "cloud"

    @property
    def boundary(self) -> str:
        """LAMMPS fits the box to the atoms, wherever they go."""
        return "s s s"

    def preset(self, n_species: int) -> str:
        """One preset serves all molecules."""
        return "molecules"

    def seed_kinds(self, n_species: int, n_atoms: int) -> Mapping[str, float]:
        """Clouds of atoms."""
        return {"cloud": 1.0}

    def check_composition(self, formula: str, composition: Mapping[str, int]) -> None:
        """Check that all valences can be used."""
        check_hydrogens(formula, composition)

    def pieces(self, atoms: ase.Atoms) -> int:
        """Count what bonds hold together."""
        return int(fragments(atoms).max()) + 1

    def smallest(self, symbol: str) -> ase.Atoms:
        """Put two atoms at the distance of a bond."""
        return ase.Atoms([symbol] * 2, [[0, 0, 0], [1.5, 0, 0]])
