"""Response Matching: noise, and the fictitious energy, forces and stress that undo it."""

from rm_lammps.response.energy import FictitiousEnergy, Labels
from rm_lammps.response.nearest_sites import matched_displacements
from rm_lammps.response.noise import NoiseConfig, NoisyStructure, add_noise

__all__ = [
    "FictitiousEnergy",
    "Labels",
    "NoiseConfig",
    "NoisyStructure",
    "add_noise",
    "matched_displacements",
]
