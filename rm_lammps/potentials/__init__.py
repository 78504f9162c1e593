"""Physical potentials, for a second opinion on what E~ proposes."""

from rm_lammps.potentials.potential import POTENTIALS, Potential

__all__ = ["POTENTIALS", "Potential"]
