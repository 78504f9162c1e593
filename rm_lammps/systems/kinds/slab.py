"""Slabs: a piece of a crystal between two surfaces."""

from typing import TYPE_CHECKING, ClassVar

import ase
import numpy as np
from pydantic import Field

from rm_lammps.systems.kinds.layer import VACUUM, Layer
from rm_lammps.systems.system import SYSTEMS

if TYPE_CHECKING:
    from rm_lammps.systems.identity import Identity


@SYSTEMS.register
class Slab(Layer):
    """Periodic along the first two vectors of the cell, with a surface above and below.

    With a host, the cell changes within the plane where ``axes`` say so.
    """

    name = "slab"
    plural = "slabs"
    presets: ClassVar = {
        "slabs": {
            "protocol": {
                "stages": [{"stage": "minimise", "ftol": 0.5}, {"stage": "cell"}],
                "fmax": 0.1,
                "max_stress": 2.0,
            }
        }
    }

    thickness: float = Field(
        8.0, ge=0, description="in which the atoms of a seed without a host begin, Å"
    )

    def preset(self, n_species: int) -> str:
        """Take the slabs' own, whatever the model."""
        return "slabs"

    def pieces(self, atoms: ase.Atoms) -> int:
        """Count what is so far above the rest that it does not belong to it."""
        heights = np.sort(atoms.positions @ (atoms.cell.array[2] / np.linalg.norm(atoms.cell[2])))
        return 1 + int((np.diff(heights) > VACUUM).sum())

    def identity(self, atoms: ase.Atoms) -> "Identity":
        """Two are the same that a motion within the plane, or turning over, brings together."""
        from rm_lammps.systems.planar import Planar  # which imports pymatgen

        return Planar.of(atoms)
