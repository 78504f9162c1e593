"""Which phases a chemical system has: searched for in rounds."""

from rm_lammps.exploration.rounds import explore

__all__ = ["explore"]
