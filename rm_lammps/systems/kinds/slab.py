"""Slabs: a piece of a crystal between two surfaces."""

from typing import ClassVar

from pydantic import Field

from rm_lammps.systems.kinds.layer import Layer
from rm_lammps.systems.system import SYSTEMS


@SYSTEMS.register
class Slab(Layer):
    """Structures with a surface above and below, periodic along the first two vectors of the cell.

    With a host the cell stays, unless ``axes`` lets it change within the plane.
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
        8.0, ge=0, description="of the space that the atoms of a seed without host begin in, Å"
    )

    def preset(self, n_species: int) -> str:
        """Take the slabs' own, whatever the model."""
        return "slabs"
