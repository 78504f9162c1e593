"""What generation starts from."""

from rm_lammps.seeds.config import SeedConfig
from rm_lammps.seeds.de_novo import charge_balanced, sample_compositions
from rm_lammps.seeds.hydrogens import draw_hydrogens
from rm_lammps.seeds.maker import SeedMaker
from rm_lammps.seeds.perturbed import perturb
from rm_lammps.seeds.prototypes import Prototypes
from rm_lammps.seeds.random_crystal import random_crystal
from rm_lammps.seeds.symmetric import symmetric_crystal

__all__ = [
    "Prototypes",
    "SeedConfig",
    "SeedMaker",
    "charge_balanced",
    "draw_hydrogens",
    "perturb",
    "random_crystal",
    "sample_compositions",
    "symmetric_crystal",
]
