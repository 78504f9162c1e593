"""What generation starts from."""

from rm_lammps.seeds.composition import parse_formula
from rm_lammps.seeds.config import SeedConfig
from rm_lammps.seeds.maker import SeedMaker
from rm_lammps.seeds.perturbed import perturb
from rm_lammps.seeds.random_crystal import random_crystal

__all__ = ["SeedConfig", "SeedMaker", "parse_formula", "perturb", "random_crystal"]
