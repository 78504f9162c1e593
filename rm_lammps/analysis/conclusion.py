"""What is made of a run's structures at its end."""

from pathlib import Path

from rm_lammps.datasets import DatasetStatistics
from rm_lammps.ranks import Communicator, on_root
from rm_lammps.runs.index import read_index
from rm_lammps.runs.layout import TOP
from rm_lammps.runs.request import total_seeds
from rm_lammps.runs.shards import shards
from rm_lammps.runs.small_files import read_run_file

_LARGE = 200
"""Atoms from which on a cell is described by what it looks like: no two such cells are the same."""


def conclude(folder: Path, comm: Communicator, statistics: DatasetStatistics) -> None:
    """Write unique structures and the best of each composition, or describe large cells.

    A complete run that is started again, with nothing left to do, keeps what it has.

    Args:
        folder: of a run that has converged structures.
        comm: every rank of it calls this function; rank 0 writes.
        statistics: of the model's training data.

    Raises:
        UserError: on every rank, if there is no room to write.
    """
    if on_root(comm, lambda: _is_concluded(folder)):
        return
    # pymatgen takes longer to load than the rest of a short run
    from rm_lammps.analysis.export import write_top
    from rm_lammps.analysis.large_cells import describe_all
    from rm_lammps.analysis.unique import write_unique

    largest = on_root(comm, lambda: int(read_index(folder).n_atoms.max()))
    if largest >= _LARGE:
        on_root(comm, lambda: describe_all(folder, total_seeds(read_run_file(folder)), statistics))
        return
    unique = write_unique(folder, comm)
    on_root(comm, lambda: write_top(folder, unique))


def _is_concluded(folder: Path) -> bool:
    """Whether this was done since the last seed was recorded; the best are written last."""
    files, top = shards(folder), folder / TOP
    if not files or not top.exists():
        return False
    return all(file.stat().st_mtime < top.stat().st_mtime for file in files)
