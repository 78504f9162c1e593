"""Minimisation in a fixed cell."""

from typing import Literal

from pydantic import Field

from rm_lammps.relaxation.kept_symmetry import kept_symmetry
from rm_lammps.relaxation.relaxation import Relaxation
from rm_lammps.relaxation.stage import STAGES, Stage


@STAGES.register
class Minimise(Stage):
    """Minimise the atoms in a fixed cell (``minimise.in``)."""

    name = "minimise"
    keeps_symmetry = True
    holds = True
    keeps_cell = True

    style: Literal["cg", "sd", "fire", "lbfgs"] = "cg"
    ftol: float = Field(0.1, gt=0, description="largest force component, pseudo-eV/Å")
    steps: int = Field(60, ge=1, description="iterations at most")
    dmax: float = Field(0.3, gt=0, description="longest move in one iteration, Å")

    def run(self, relaxation: Relaxation) -> None:
        """Minimise what is in LAMMPS."""
        session = relaxation.session
        session.set(style=self.style, ftol=self.ftol, steps=self.steps, dmax=self.dmax)
        with kept_symmetry(session, keep=relaxation.protocol.keep_symmetry):
            session.include("minimise.in")
