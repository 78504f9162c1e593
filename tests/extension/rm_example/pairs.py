"""A potential from an ASE calculator."""

from ase.calculators.calculator import Calculator
from ase.calculators.lj import LennardJones

from rm_lammps.potentials import POTENTIALS, CalculatorPotential


@POTENTIALS.register
class PairPotential(CalculatorPotential):
    """The Lennard-Jones potential, whatever the elements."""

    name = "lj"

    def calculator(self) -> Calculator:
        """Take ASE's."""
        return LennardJones(sigma=1.5, epsilon=1.0, rc=6.0)
