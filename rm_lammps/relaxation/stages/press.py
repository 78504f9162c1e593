"""Another pressure on the way."""

from pydantic import Field

from rm_lammps.relaxation.relaxation import Relaxation
from rm_lammps.relaxation.stage import STAGES, Stage
from rm_lammps.systems import System


@STAGES.register
class Press(Stage):
    """Change the external pressure from here on: a guide to dense or open structures.

    Followed by the protocol's own pressure, what is found is a minimum without the guide:
    ``[{stage: press, pressure: -10}, {stage: cell}, {stage: press, pressure: 0}, {stage: cell}]``.
    """

    name = "press"
    keeps_symmetry = True
    holds = True
    keeps_cell = True

    pressure: float = Field(allow_inf_nan=False, description="external, GPa of E~ units")

    @classmethod
    def suits(cls, system: System) -> bool:
        """Where a pressure means something."""
        return system.takes_pressure

    def run(self, relaxation: Relaxation) -> None:
        """Set it."""
        relaxation.pressure = self.pressure
