"""Minimisation of atoms and cell."""

from typing import Literal

import numpy as np
from pydantic import Field

from rm_lammps.relaxation.outcome import Evaluation
from rm_lammps.relaxation.relaxation import Relaxation
from rm_lammps.relaxation.stage import STAGES, Stage
from rm_lammps.systems import System


@STAGES.register
class BoxRounds(Stage):
    """Minimise atoms and cell together, in short rounds (``box_round.in``).

    Rounds go on until forces and stress, evaluated anew, are within the protocol's tolerances.
    Between rounds the cell is reduced, and its faces are put between atoms.
    """

    name = "box"

    style: Literal["cg", "sd"] = "cg"
    rounds: int = Field(10, ge=1)
    steps: int = Field(40, ge=1, description="iterations at most, each round")
    dmax: float = Field(0.2, gt=0, description="longest move in one line search, Å")
    vmax: float = Field(0.02, gt=0, lt=1, description="largest volume change an iteration")
    settle: int = Field(
        0, ge=0, description="iterations of the atoms alone after each round; large cells need them"
    )

    @classmethod
    def suits(cls, system: System) -> bool:
        """Where a cell relaxes."""
        return bool(system.strained.any())

    def run(self, relaxation: Relaxation) -> Evaluation | None:
        """Minimise what is in LAMMPS; the evaluation is that of the round that converged."""
        session = relaxation.session
        session.set(
            style=self.style,
            # LAMMPS looks at components, the protocol at vectors
            ftol=relaxation.protocol.fmax / np.sqrt(3),
            dmax=self.dmax,
            vmax=self.vmax,
            directions=relaxation.system.box_relax(relaxation.pressure_bar),
        )
        for number in range(self.rounds):
            relaxation.reached(number, self.rounds)
            session.set(steps=self.steps)
            session.include("box_round.in")
            relaxation.check_volume()
            if self.settle:
                # with thousands of atoms the line search of box/relax gives up early
                session.set(steps=self.settle)
                session.include("minimise.in")
            result = session.evaluate()
            if relaxation.converged(result):
                return result
            session.tidy_cell()
        return None
