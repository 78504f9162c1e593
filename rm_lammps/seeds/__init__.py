"""What generation starts from."""

from rm_lammps.seeds.de_novo import charge_balanced, sample_compositions
from rm_lammps.seeds.hydrogens import draw_hydrogens
from rm_lammps.seeds.maker import SeedMaker
from rm_lammps.seeds.seed_config import SeedConfig
from rm_lammps.seeds.seeder import SEEDS, Content, ModelFacts, Seed, Seeder, SeedRequest

__all__ = [
    "SEEDS",
    "Content",
    "ModelFacts",
    "Seed",
    "SeedConfig",
    "SeedMaker",
    "SeedRequest",
    "Seeder",
    "charge_balanced",
    "draw_hydrogens",
    "sample_compositions",
]
