"""What is periodic along a and b only, with vacuum below and above."""

from abc import ABC
from typing import TYPE_CHECKING

import ase
import numpy as np

from rm_lammps.errors import UserError
from rm_lammps.systems.system import System

if TYPE_CHECKING:
    from rm_lammps.systems.identity import Identity

VACUUM = 4.5
"""Å; least empty space for two structures not to be one: van der Waals gaps are below 4 Å."""


class Plate(System, ABC):
    """Layers, slabs and interfaces: the cell relaxes within the plane."""

    pbc = (True, True, False)

    def adopt_host(self, host: ase.Atoms) -> ase.Atoms:
        """Leave the third direction open; the file must have vacuum there."""
        a, b, c = host.cell.array
        normal = np.cross(a, b) / np.linalg.norm(np.cross(a, b))
        height = float(c @ normal)
        vacuum = height - float(np.ptp(host.positions @ normal))
        if vacuum < VACUUM:
            raise UserError(
                f"The host has no vacuum along the third vector of its cell: {vacuum:.1f} Å from "
                f"its highest atom up to the image of its lowest, at least {VACUUM} are needed.",
                "Cut a slab from a crystal with --miller, or give a slab whose atoms lie together.",
            )
        host.set_cell([a, b, height * normal])
        host.pbc = self.pbc
        return host

    def smallest(self, symbol: str) -> ase.Atoms:
        """Put two atoms beside each other."""
        cell = [3.0, 3.0, 10.0]
        return ase.Atoms([symbol] * 2, [[0, 0, 5], [1.5, 0, 5]], cell=cell, pbc=self.pbc)

    def pieces(self, atoms: ase.Atoms) -> int:
        """Count what is so far above the rest that it does not belong to it."""
        heights = np.sort(atoms.positions @ (atoms.cell.array[2] / np.linalg.norm(atoms.cell[2])))
        return 1 + int((np.diff(heights) > VACUUM).sum())

    def identity(self, atoms: ase.Atoms) -> "Identity":
        """Two are the same that a motion within the plane, or turning over, brings together."""
        from rm_lammps.systems.planar import Planar  # which imports pymatgen

        return Planar.of(atoms)
