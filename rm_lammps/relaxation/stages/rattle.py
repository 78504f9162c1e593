"""Random displacements and strain."""

from pydantic import Field

from rm_lammps.relaxation.relaxation import Relaxation
from rm_lammps.relaxation.stage import STAGES, Stage


@STAGES.register
class Rattle(Stage):
    """Displace the atoms and strain the cell at random."""

    name = "rattle"
    wanders = True
    keeps_symmetry = True
    holds = True

    displacement: float = Field(0.3, ge=0, description="standard deviation a component, Å")
    strain: float = Field(0.0, ge=0, lt=0.5, description="standard deviation a component")

    def run(self, relaxation: Relaxation) -> None:
        """Put the perturbed structure in place."""
        session = relaxation.session
        session.load(relaxation.perturbed(session.structure(), self.displacement, self.strain))
