"""What leaves a structure as it is, so that no response can undo it."""

from collections.abc import Sequence
from dataclasses import dataclass

from rm_lammps.geometry import Array

Axes = tuple[bool, bool, bool]


@dataclass(frozen=True)
class Invariances:
    """Motions that leave a structure as it is, beside exchanges of identical atoms.

    A potential does not see them: displacements that models are taught are measured to the nearest
    structure that they lead to. Directions are those that
    :meth:`~rm_lammps.systems.System.standard` turns a structure to.
    """

    images: Axes
    """Vectors of the cell by which single atoms may be moved."""
    translations: Axes = (True, True, True)
    """Directions along which all atoms may be moved together."""
    rotations: Axes = (False, False, False)
    """Axes about which all atoms may be turned together: none, one or all three."""

    def __post_init__(self) -> None:
        if sum(self.rotations) == 2:
            raise ValueError("what can be turned about two axes can be turned about all three")
        if all(self.rotations) and (any(self.images) or not all(self.translations)):
            raise ValueError("what has a lattice or a place can't be turned about all axes")

    @classmethod
    def of_periodic(cls, pbc: Sequence[bool]) -> "Invariances":
        """Those of a structure in empty space.

        Without periodicity it may be turned about all axes, with a single period about that; the
        orientation of a lattice of two or three vectors is that of its cell, whose rotation is no
        strain.

        Args:
            pbc: directions that are periodic.
        """
        x, y, z = (bool(periodic) for periodic in pbc)
        number = x + y + z
        rotations = (True,) * 3 if number == 0 else (x, y, z) if number == 1 else (False,) * 3
        return cls((x, y, z), rotations=rotations)

    def translational(self, vectors: Array) -> Array:
        """What a motion of all atoms together can take away of vectors of shape (..., 3)."""
        return vectors if all(self.translations) else vectors * self.translations
