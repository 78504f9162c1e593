"""Molecular crystals: whole molecules, packed in a cell."""

from collections import Counter
from collections.abc import Mapping
from typing import ClassVar

import ase
from ase.data import covalent_radii

from rm_lammps.chemistry.bonds import BOND
from rm_lammps.geometry import pairs_of
from rm_lammps.systems.system import SYSTEMS, System


@SYSTEMS.register
class MolecularCrystal(System):
    """Crystals of whole molecules: a model for each, an energy term for what is between them.

    If the pieces of a result differ in their formulas, its molecules have reacted, and it fails.
    """

    name = "molecular_crystal"
    plural = "molecular crystals"
    pbc = (True, True, True)
    learned_from = "molecule"
    fallback = "packed"
    presets: ClassVar = {
        "molecular_crystals": {
            "protocol": {
                "stages": [{"stage": "minimise", "ftol": 0.2, "steps": 200}, {"stage": "cell"}],
                "fmax": 0.05,
                "max_stress": 0.1,
            }
        }
    }

    def preset(self, n_species: int) -> str:
        """Take their own, whatever the model."""
        return "molecular_crystals"

    def seed_kinds(self, n_species: int, n_atoms: int) -> Mapping[str, float]:
        """Pack molecules of a file."""
        return {"packed": 1.0}

    def pieces(self, atoms: ase.Atoms) -> int:
        """Count the formulas of what bonds hold together, across the cell's faces too."""
        reach = 2 * BOND * covalent_radii[atoms.numbers].max()
        i, j, d = pairs_of("ijd", atoms, float(reach))
        near = d < BOND * (covalent_radii[atoms.numbers[i]] + covalent_radii[atoms.numbers[j]])
        from scipy.sparse import coo_array  # slow to import
        from scipy.sparse.csgraph import connected_components

        bonds = coo_array((near[near], (i[near], j[near])), shape=2 * (len(atoms),))
        number, piece = connected_components(bonds, directed=False)
        counts = (Counter(atoms.numbers[piece == k]) for k in range(number))
        return len({tuple(sorted(count.items())) for count in counts})

    def smallest(self, symbol: str) -> ase.Atoms:
        """Put two atoms into a cube."""
        return ase.Atoms([symbol] * 2, [[0, 0, 0], [1.5, 0, 0]], cell=3 * [3.0], pbc=True)
