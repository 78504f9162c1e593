"""Folders of runs that are looked at."""

import warnings
from collections.abc import Sequence
from pathlib import Path

from rm_lammps.errors import Note
from rm_lammps.ranks import Communicator, on_root
from rm_lammps.runs.joining import ready_to_read, what_is_missing


def prepare_folder(comm: Communicator, folders: Sequence[Path], out: Path | None) -> Path:
    """Folder with what runs gave, on every rank; a note says which of them are still going on.

    Args:
        comm: called on every rank of it.
        folders: one or several of ``rm-generate``, or one of several runs put together.
        out: for what several runs gave.

    Raises:
        UserError: on every rank: no runs, or they don't go together.
    """
    folder = on_root(comm, lambda: ready_to_read(folders, out))
    if comm.rank == 0:
        for line in what_is_missing(folder):
            warnings.warn(line, Note, stacklevel=2)
    return folder
