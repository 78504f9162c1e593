"""Response Matching in LAMMPS: train, deploy and generate on a learned pseudo-energy surface."""

__version__ = "0.1.0"
