"""Symmetry that a structure nearly has, made exact."""

import os

from pydantic import Field

from rm_lammps.relaxation.relaxation import Relaxation
from rm_lammps.relaxation.stage import STAGES, Stage
from rm_lammps.systems import System

# refine_symmetry sets this to false and, where it was not set, leaves it so: from then on spglib
# would raise exceptions where it finds nothing
os.environ.setdefault("SPGLIB_OLD_ERROR_HANDLING", "true")


@STAGES.register
class Symmetrise(Stage):
    """Move atoms and cell onto the symmetry that they nearly have (spglib).

    The cell keeps its content. A stage that minimises should follow: it keeps the symmetry.
    """

    name = "symmetrise"

    symprec: float = Field(0.1, gt=0, description="tolerance on positions, Å")

    @classmethod
    def suits(cls, system: System) -> bool:
        """Where there is a space group."""
        return all(system.pbc)

    def run(self, relaxation: Relaxation) -> None:
        """Put the symmetric structure in place."""
        symmetric = relaxation.session.structure()
        from ase.spacegroup.symmetrize import refine_symmetry  # which imports much of scipy

        refine_symmetry(symmetric, symprec=self.symprec)
        relaxation.session.load(symmetric)
