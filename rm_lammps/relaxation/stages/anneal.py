"""Langevin dynamics on E~."""

from pydantic import Field

from rm_lammps.errors import UserError
from rm_lammps.relaxation.relaxation import Relaxation
from rm_lammps.relaxation.stage import STAGES, Stage
from rm_lammps.systems import System

_KELVIN_PER_EV = 1 / 8.617333262e-5
_SEGMENT = 200
"""Steps between looks at the volume and at whether to go on."""
_LARGEST_RANDOM = 900_000_000
"""Of the seeds that LAMMPS takes for its random numbers."""


@STAGES.register
class Anneal(Stage):
    """Langevin dynamics on E~ at a temperature that changes linearly (``anneal.in``).

    Temperatures are energies: an atom on a spring of 1 pseudo-eV/Å² moves sqrt(temperature) Å.
    """

    name = "anneal"
    wanders = True

    start: float = Field(0.1, gt=0, description="temperature at the start, pseudo-eV")
    end: float = Field(0.01, gt=0, description="temperature at the end, pseudo-eV")
    steps: int = Field(1000, ge=1)
    timestep: float = Field(0.002, gt=0, description="ps, with masses of 1 g/mol")
    damp: float = Field(0.05, gt=0, description="relaxation time of the temperature, ps")
    box: bool = Field(False, description="let the volume follow the pressure")

    def check(self, system: System) -> None:
        """Check that there is a box, if its volume is to change."""
        super().check(system)
        if self.box and not system.takes_pressure:
            raise UserError(
                f"{system.plural.capitalize()} have no cell that a pressure could act on: "
                "leave out box."
            )

    def run(self, relaxation: Relaxation) -> None:
        """Heat and cool what is in LAMMPS."""
        session, pressure = relaxation.session, relaxation.pressure_bar
        session.set(
            start=self.start * _KELVIN_PER_EV,
            end=self.end * _KELVIN_PER_EV,
            timestep=self.timestep,
            damp=self.damp,
            random=int(relaxation.rng.integers(1, _LARGEST_RANDOM)) + relaxation.steps_done,
            integrator="nph" if self.box else "nve",
            barostat=f"iso {pressure} {pressure} {20 * self.damp}" if self.box else "",
        )
        session.set(begin=relaxation.steps_done)
        session.include("anneal.in")
        piece = relaxation.piece(session.n_atoms, _SEGMENT)
        for begin in range(relaxation.steps_done, self.steps, piece):
            relaxation.reached(begin, self.steps)
            end = min(begin + piece, self.steps)
            session.command(f"run {end - begin} start 0 stop {self.steps} post no")
            relaxation.check_volume()
        session.include("anneal_end.in")
