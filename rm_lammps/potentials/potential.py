"""The family of physical potentials."""

from abc import ABC, abstractmethod
from functools import cached_property

import ase
import numpy as np
from ase.calculators.calculator import Calculator
from ase.filters import FrechetCellFilter
from ase.optimize import FIRE

from rm_lammps.kinds import Family, Kind


class Potential(Kind, ABC):
    """A potential with real energies; at least an ASE calculator of it."""

    @abstractmethod
    def calculator(self) -> Calculator:
        """Load it.

        Raises:
            UserError: what it needs is not installed.
        """

    @cached_property
    def _loaded(self) -> Calculator:
        return self.calculator()

    def load(self) -> None:
        """Load it now, so that a lack of something is told before the work begins.

        Raises:
            UserError: what it needs is not installed.
        """
        _ = self._loaded

    def energy(self, atoms: ase.Atoms) -> float:
        """Energy of a structure as it is, eV per atom; infinite where the potential has none."""
        energy = float(self._loaded.get_potential_energy(atoms.copy())) / len(atoms)
        return energy if np.isfinite(energy) else float("inf")

    def relaxed(self, atoms: ase.Atoms, *, fmax: float, steps: int) -> tuple[ase.Atoms, float]:
        """Relax atoms and cell.

        Args:
            atoms: a crystal, Å.
            fmax: largest force at the end, eV/Å.
            steps: at most.

        Returns:
            The relaxed crystal and its energy, eV per atom; the crystal as it was, and infinity,
            where the potential has no energy.
        """
        moving = ase.Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
        moving.calc = self._loaded
        FIRE(FrechetCellFilter(moving), logfile=None).run(fmax=fmax, steps=steps)
        moving.calc = None
        return moving, self.energy(moving)


POTENTIALS: Family[Potential] = Family(
    "potential",
    field="potential",
    package="rm_lammps.potentials.kinds",
    group="rm_lammps.potentials",
)
