"""Geometry of atoms and cells, shared by all rooms; row vectors, Å."""

from rm_lammps.geometry.arrays import STIFF, Array
from rm_lammps.geometry.boxes import alone, upright
from rm_lammps.geometry.cells import is_reduced, minimum_image, reduced, widest_gaps
from rm_lammps.geometry.neighbours import pairs_of, pairs_within
from rm_lammps.geometry.perturbation import perturb
from rm_lammps.geometry.supercells import repeated, supercell_matrix

__all__ = [
    "STIFF",
    "Array",
    "alone",
    "is_reduced",
    "minimum_image",
    "pairs_of",
    "pairs_within",
    "perturb",
    "reduced",
    "repeated",
    "supercell_matrix",
    "upright",
    "widest_gaps",
]
