"""The family of physical potentials."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from typing import ClassVar

import ase
import numpy as np
from ase.calculators.calculator import Calculator
from ase.constraints import FixSymmetry
from ase.filters import FrechetCellFilter
from ase.optimize import LBFGS

from rm_lammps.errors import UserError
from rm_lammps.kinds import Family, Kind
from rm_lammps.potentials.isolation import Isolation

_SYMPREC = 1e-2
"""Å, within which a symmetry counts as there, and is kept."""
_LONGEST_STEP = 0.1
"""Å, of an atom in one step of a relaxation."""


@dataclass(frozen=True)
class Minimum:
    """Where a relaxation ended."""

    atoms: ase.Atoms
    energy: float
    """eV per atom; infinite where the potential has none."""
    converged: bool


class Potential(Kind, ABC):
    """A potential with real energies."""

    package: ClassVar[str] = ""
    """What has to be installed, as pip knows it; its version tells kept energies apart."""

    @property
    def label(self) -> str:
        """What it is called in tables and in names of keys."""
        return self.name

    @property
    def identity(self) -> str:
        """What its energies depend on, in one line."""
        try:
            of_package = version(self.package) if self.package else ""
        except PackageNotFoundError:
            of_package = ""
        return f"{self.name} {of_package} {self.model_dump_json()}"

    @abstractmethod
    def load(self) -> None:
        """Load it now, so that a lack of something is told before the work begins.

        Raises:
            UserError: what it needs is missing.
        """

    @abstractmethod
    def energy(self, atoms: ase.Atoms) -> float:
        """Energy of a structure as it is, eV per atom; infinite where the potential has none."""

    @abstractmethod
    def relaxed(self, atoms: ase.Atoms, *, fmax: float, steps: int) -> Minimum:
        """Relax atoms and cell, and keep the symmetry that is there.

        Args:
            atoms: a crystal, Å.
            fmax: largest force at the end, eV/Å.
            steps: at most.

        Returns:
            The relaxed crystal and its energy; the crystal as it was, and infinity, where the
            potential has no energy.
        """


class CalculatorPotential(Potential):
    """A potential that is a calculator of ASE."""

    @abstractmethod
    def calculator(self) -> Calculator:
        """Load it.

        Raises:
            ImportError: what it needs is not installed.
            UserError: it can't be had.
        """

    @cached_property
    def _isolation(self) -> Isolation:
        return Isolation()

    @cached_property
    def _loaded(self) -> Calculator:
        try:
            return self.calculator()
        except ImportError as error:
            named = f": pip install {self.package}" if self.package else ""
            raise UserError(
                f"The potential {self.label} can't be loaded: {error}.",
                f"Install what it needs{named}.",
            ) from error

    def load(self) -> None:
        """Make the calculator.

        Raises:
            UserError: what it needs is not installed.
        """
        with self._isolation():
            _ = self._loaded

    def energy(self, atoms: ase.Atoms) -> float:
        """Energy of a structure as it is, eV per atom; infinite where the potential has none."""
        with self._isolation():
            return self._energy(_plain(atoms))

    def relaxed(self, atoms: ase.Atoms, *, fmax: float, steps: int) -> Minimum:
        """Relax by ASE's LBFGS, and keep the symmetry that is there within 0.01 Å.

        Args:
            atoms: a crystal, Å.
            fmax: largest force at the end, eV/Å; of the cell's degrees of freedom too.
            steps: at most.
        """
        with self._isolation():
            try:
                return self._relaxed(atoms, fmax, steps, keep_symmetry=True)
            except RuntimeError as error:
                # ASE gives up where one step deforms a symmetric cell by a quarter
                if "FixSymmetry" not in str(error):
                    raise
                return self._relaxed(atoms, fmax, steps, keep_symmetry=False)

    def _relaxed(
        self, atoms: ase.Atoms, fmax: float, steps: int, *, keep_symmetry: bool
    ) -> Minimum:
        moving = _plain(atoms)
        if not np.isfinite(self._energy(moving)):
            return Minimum(_plain(atoms), float("inf"), False)
        if keep_symmetry:
            moving.set_constraint(FixSymmetry(moving, symprec=_SYMPREC))
        moving.calc = self._loaded
        optimiser = LBFGS(FrechetCellFilter(moving), logfile=None, maxstep=_LONGEST_STEP)
        converged = bool(optimiser.run(fmax=fmax, steps=steps))
        done = _plain(moving)
        return Minimum(done, self._energy(done), converged)

    def _energy(self, atoms: ase.Atoms) -> float:
        """Energy by the calculator, eV per atom; a kind knows what its package raises instead."""
        energy = float(self._loaded.get_potential_energy(atoms)) / len(atoms)
        return energy if np.isfinite(energy) else float("inf")


def _plain(atoms: ase.Atoms) -> ase.Atoms:
    return ase.Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)


POTENTIALS: Family[Potential] = Family(
    "potential",
    field="potential",
    package="rm_lammps.potentials.kinds",
    group="rm_lammps.potentials",
)
"""One module for each potential."""
