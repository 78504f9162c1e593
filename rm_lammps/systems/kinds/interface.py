"""Interfaces: two hosts with atoms between them."""

from collections.abc import Mapping
from typing import ClassVar

from rm_lammps.systems.kinds.slab import Slab
from rm_lammps.systems.plate import Plate
from rm_lammps.systems.system import SYSTEMS


@SYSTEMS.register
class Interface(Plate):
    """Grain boundaries and interfaces: two slabs with their gap filled, and vacuum around both.

    Interfaces are compared as slabs are. If the gap has opened by more than the distance between
    two planes of a crystal, the result counts as in pieces.
    """

    name = "interface"
    plural = "interfaces"
    fallback = "between"
    host_kind = "between"
    presets: ClassVar = {"interfaces": Slab.presets["slabs"]}

    def preset(self, n_species: int) -> str:
        """Take the interfaces' own, whatever the model."""
        return "interfaces"

    def seed_kinds(self, n_species: int, n_atoms: int) -> Mapping[str, float]:
        """Fill the gap between two hosts."""
        return {"between": 1.0}
