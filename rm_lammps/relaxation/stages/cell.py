"""Minimisation of atoms and cell as one function of both."""

from pydantic import Field

from rm_lammps.relaxation.kept_symmetry import kept_symmetry
from rm_lammps.relaxation.outcome import Evaluation
from rm_lammps.relaxation.relaxation import BAR_PER_GPA, Relaxation
from rm_lammps.relaxation.stage import STAGES, Stage
from rm_lammps.relaxation.stages.minimise import Minimise
from rm_lammps.systems import System

_WITHIN = 0.99
"""Share of the tolerances to go for, as an evaluation with other neighbours rounds otherwise."""


@STAGES.register
class CellMinimisation(Stage):
    """Minimise atoms and cell together by L-BFGS (``cell.in``).

    The minimiser of the plugin ends when forces and stress are within the protocol's tolerances.
    After every ``steps`` iterations the volume is checked and the cell is reduced.
    """

    name = "cell"
    keeps_symmetry = True
    holds = True

    level: str | None = Field(
        None, description="level of the model's ladder; default: the lowest, as in other stages"
    )
    rounds: int = Field(8, ge=1)
    steps: int = Field(100, ge=1, description="iterations at most, each round")
    dmax: float = Field(0.2, gt=0, description="longest move in one iteration, Å")
    vmax: float = Field(0.05, gt=0, lt=1, description="largest strain in one iteration")

    @classmethod
    def suits(cls, system: System) -> bool:
        """Where a cell relaxes."""
        return bool(system.strained.any())

    def run(self, relaxation: Relaxation) -> Evaluation | None:
        """Minimise what is in LAMMPS; the evaluation is that of the round that converged.

        On another level than the lowest it is left to the protocol to evaluate the structure.
        """
        if self.level is None:
            return self._minimise(relaxation)
        relaxation.session.use_level(self.level)
        self._minimise(relaxation)
        relaxation.session.use_level(None)
        return None

    def _minimise(self, relaxation: Relaxation) -> Evaluation | None:
        session, protocol = relaxation.session, relaxation.protocol
        if protocol.axes == "none":
            steps, ftol = self.rounds * self.steps, _WITHIN * protocol.fmax
            Minimise(style="lbfgs", ftol=ftol, steps=steps, dmax=self.dmax).run(relaxation)
            return None
        session.set(
            ftol=_WITHIN * protocol.fmax,
            ptol=_WITHIN * protocol.max_stress * BAR_PER_GPA,
            steps=self.steps,
            dmax=self.dmax,
            vmax=self.vmax,
            directions=_directions(relaxation),
        )
        for number in range(self.rounds):
            relaxation.reached(number, self.rounds)
            with kept_symmetry(session, keep=protocol.keep_symmetry):
                session.include("cell.in")
            relaxation.check_volume()
            result = session.read()
            if relaxation.converged(result):
                return result
            session.tidy_cell()
        return None


def _directions(relaxation: Relaxation) -> str:
    """What the box may do, in the words of fix ``box/relax``; shears within free axes too."""
    axes, pressure = relaxation.protocol.axes, relaxation.pressure_bar
    if axes == "xyz":
        return relaxation.system.box_relax(pressure)
    shears = [pair for pair in ("xy", "xz", "yz") if set(pair) <= set(axes)]
    normal = [f"{axis} {pressure}" for axis in axes]
    return " ".join([*normal, *(f"{pair} 0.0" for pair in shears)])
