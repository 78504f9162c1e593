"""What generation starts from."""

from rm_lammps.seeds.composition import parse_formula
from rm_lammps.seeds.random_crystal import SeedConfig, random_crystal

__all__ = ["SeedConfig", "parse_formula", "random_crystal"]
