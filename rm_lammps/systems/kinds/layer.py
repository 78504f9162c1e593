"""Layers: two-dimensional materials, alone in space."""

from collections.abc import Mapping
from typing import ClassVar

import ase
import numpy as np
from pydantic import Field

from rm_lammps.systems.plate import Plate
from rm_lammps.systems.system import SYSTEMS


@SYSTEMS.register
class Layer(Plate):
    """Structures that are periodic along the first two vectors of the cell, which relax."""

    name = "layer"
    plural = "layers"
    fallback = "random"
    presets: ClassVar = {
        "layers": {
            "protocol": {
                "stages": [{"stage": "minimise", "ftol": 0.5}, {"stage": "cell"}],
                "fmax": 0.25,
                "max_stress": 4.0,
            }
        }
    }

    thickness: float = Field(3.0, ge=0, description="of the space that a seed's atoms begin in, Å")

    def preset(self, n_species: int) -> str:
        """Take the layers' own, whatever the model."""
        return "layers"

    def seed_kinds(self, n_species: int, n_atoms: int) -> Mapping[str, float]:
        """Begin from random crystals."""
        return {"random": 1.0}

    def adopt(self, seed: ase.Atoms) -> ase.Atoms:
        """Press a crystal flat; it keeps the volume of its atoms, with their own size around it.

        What was built into a host stays as it is.
        """
        if self.holds(seed):
            return seed
        volume, atoms = seed.get_volume(), len(seed)
        height = self.thickness + (volume / atoms) ** (1 / 3)
        cell = seed.cell.standard_form()[0].array.copy()
        cell[:2] *= np.sqrt(volume / height / abs(cell[0, 0] * cell[1, 1]))
        cell[2] = [0.0, 0.0, self.thickness + self.room]
        sites = seed.get_scaled_positions()
        heights = self.room / 2 + self.thickness * sites[:, 2]
        sites[:, 2] = heights / cell[2, 2]
        return ase.Atoms(seed.numbers, scaled_positions=sites, cell=cell, pbc=self.pbc)
