"""Physical potentials, for a second opinion on what E~ proposes."""

from rm_lammps.potentials.named import potential_named, potentials_named
from rm_lammps.potentials.potential import POTENTIALS, CalculatorPotential, Minimum, Potential

__all__ = [
    "POTENTIALS",
    "CalculatorPotential",
    "Minimum",
    "Potential",
    "potential_named",
    "potentials_named",
]
