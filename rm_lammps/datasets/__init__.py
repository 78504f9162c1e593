"""Equilibrium structures in: readers, validation, splits and the statistics that seeds need."""

from rm_lammps.datasets.readers import read_structures
from rm_lammps.datasets.splits import split_indices
from rm_lammps.datasets.statistics import DatasetStatistics
from rm_lammps.datasets.validation import validate

__all__ = ["DatasetStatistics", "read_structures", "split_indices", "validate"]
