"""Atoms that stay within a sphere or a film, or around a pore."""

from collections.abc import Sequence

from pydantic import Field

from rm_lammps.chemistry.density import volume_of
from rm_lammps.geometry.shapes import Shape, sphere_radius
from rm_lammps.relaxation.term import TERMS, FixTerm, Length
from rm_lammps.systems import System


@TERMS.register
class ShapeTerm(FixTerm):
    """Walls that hold atoms in a sphere, in a film, or around a pore, by LAMMPS's fix ``indent``.

    The sphere lies in the middle of the cell, the film across z in its middle, and the pore is a
    cylinder along z. Their size follows from the atoms' mass and density. An atom that is the
    distance d beyond the wall has the energy constant/3 d³.
    """

    name = "shape"
    in_frame = True

    shape: Shape
    density: Length = Field(description="of the atoms within the shape, g/cm³")
    constant: float = Field(1.0, gt=0, allow_inf_nan=False, description="pseudo-eV/Å³")

    @classmethod
    def suits(cls, system: System) -> bool:
        """Whether there is a cell."""
        return all(system.pbc)

    def fixes(self, name: str) -> Sequence[str]:
        """A film has a wall on both sides."""
        return (name, f"{name}_above") if self.shape == "film" else (name,)

    def fix(self, name: str, symbols: Sequence[str], weight: float) -> list[str]:
        """Put the walls where the cell is."""
        volume, constant = volume_of(symbols, self.density), weight * self.constant
        middle = [f"variable {name}_{axis} equal ({axis}lo+{axis}hi)/2" for axis in "xyz"]
        x, y, z = (f"v_{name}_{axis}" for axis in "xyz")
        if self.shape == "sphere":
            walls = [f"sphere {x} {y} {z} {sphere_radius(volume)} side in"]
        elif self.shape == "pore":
            middle.append(f"variable {name}_r equal sqrt((vol-{volume})/lz/PI)")
            walls = [f"cylinder z {x} {y} v_{name}_r side out"]
        else:
            half = f"{0.5 * volume}*lz/vol"
            middle += [
                f"variable {name}_low equal v_{name}_z-{half}",
                f"variable {name}_high equal v_{name}_z+{half}",
            ]
            walls = [f"plane z v_{name}_low lo", f"plane z v_{name}_high hi"]
        return middle + [
            f"fix {fix} all indent {constant} {wall} units box"
            for fix, wall in zip(self.fixes(name), walls, strict=True)
        ]
