"""Hops from minimum to minimum."""

import sys

import ase
import numpy as np
from pydantic import Field

from rm_lammps.relaxation.attempt import Attempt
from rm_lammps.relaxation.relaxation import Relaxation
from rm_lammps.relaxation.stage import STAGES, AnyStage, RelaxingSearch
from rm_lammps.relaxation.stages.cell import CellMinimisation
from rm_lammps.systems import System

_GAIN = 1e-4
"""Pseudo-eV per atom; less is the convergence tolerance's noise."""

Faults = tuple[int, ...]
"""Numbers of faults, the gravest first; fewer are better than lower E~."""


@STAGES.register
class Hops(RelaxingSearch):
    """Rattle the best structure so far, relax it, and keep it if E~ is lower.

    With pressure, E~ + pV counts. Seeds that did not converge, or are in a poor minimum, get
    further tries by these hops.
    """

    name = "hops"
    attempt_name = "hop"
    keeps_symmetry = True
    holds = True

    number: int = Field(10, ge=1, description="hops at most")
    patience: int = Field(2, ge=1, description="stop after so many in a row without gain")
    displacement: float = Field(0.5, ge=0, description="standard deviation a component, Å")
    strain: float = Field(0.05, ge=0, lt=0.5, description="standard deviation a component")
    enough: float | None = Field(None, description="stop below this E~, pseudo-eV per atom")
    relax: tuple[AnyStage, ...] = Field((CellMinimisation(),), description="stages after each hop")

    @classmethod
    def suits(cls, system: System) -> bool:
        """Where there is a cell."""
        return system.has_cell

    def search(self, relaxation: Relaxation, best: Attempt) -> Attempt:
        """Hop until nothing is gained."""
        vain = 0
        faults, energy = self._merit(relaxation, best)
        for _ in range(self.number):
            enough = self.enough is not None and not any(faults) and energy < self.enough
            if vain >= self.patience or enough:
                break
            trial = relaxation.attempt(self.hopped(relaxation, best.structure), self.relax)
            merit = self._merit(relaxation, trial)
            if merit < (faults, energy - _GAIN):
                best, (faults, energy), vain = trial, merit, 0
            else:
                vain += 1
        return best

    def hopped(self, relaxation: Relaxation, start: ase.Atoms) -> ase.Atoms:
        """Where a hop leads.

        Args:
            relaxation: the seed on its way.
            start: the best structure so far.
        """
        return relaxation.perturbed(start, self.displacement, self.strain)

    def faults(self, structure: ase.Atoms) -> Faults:
        """What is wrong with a converged structure, whatever its energy."""
        return (0,)

    def _merit(self, relaxation: Relaxation, attempt: Attempt) -> tuple[Faults, float]:
        """What a hop lowers: faults, then E~ + pV per atom."""
        merit = relaxation.merit(attempt)
        if merit == np.inf:
            return (sys.maxsize,), np.inf
        return self.faults(attempt.structure), merit
