"""Equilibrium structures in: readers, validation, splits and the statistics that seeds need."""

from typing import TYPE_CHECKING, Any

from rm_lammps.datasets.splits import split_indices
from rm_lammps.datasets.statistics import DatasetStatistics
from rm_lammps.datasets.structure_checks import validate

if TYPE_CHECKING:
    from rm_lammps.datasets.readers import read_structures

__all__ = ["DatasetStatistics", "read_structures", "split_indices", "validate"]


def __getattr__(name: str) -> Any:
    # generation needs statistics but no readers, which import all of ase.io
    if name == "read_structures":
        from rm_lammps.datasets.readers import read_structures

        return read_structures
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
