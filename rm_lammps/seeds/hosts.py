"""Hosts: structures of a file that others are built into."""

from pathlib import Path

import ase
import numpy as np
from numpy.typing import NDArray

from rm_lammps.chemistry.formula import check_known
from rm_lammps.errors import UserError
from rm_lammps.geometry import Array, pairs_of
from rm_lammps.seeds.seeder import ModelFacts
from rm_lammps.seeds.surfaces import cut
from rm_lammps.systems import find_system

_MARGIN = 3.0
"""Å around a molecule in which atoms are placed."""
_OVERLAP = 0.6
"""Of the data's shortest distance: closer atoms of a host are a mistake."""


def read_host(file: Path, model: ModelFacts) -> ase.Atoms:
    """Read a host, with the tags of its file.

    Args:
        file: with one structure.
        model: that must know its elements; where its system has a cell, the host is a crystal, or
            what its system is.

    Raises:
        UserError: unreadable, not one structure, or elements outside the model.
    """
    from rm_lammps.datasets import read_structures  # which imports all of ase.io

    has_cell = model.system.has_cell
    try:
        frames = read_structures(file, find_system("crystal" if has_cell else "molecule"))
    except UserError:
        if not has_cell or all(model.system.pbc):
            raise
        # a slab may be written as one, or as a crystal with much space in it
        frames = read_structures(file, model.system)
    if len(frames) > 1:
        raise UserError(
            f"{file} holds {len(frames)} structures; a host is one.",
            "Give a file with one structure.",
        )
    (found,) = frames
    check_known(sorted(set(found.get_chemical_symbols())), model.species, f"in {file}")
    cell = found.cell if has_cell else None
    host = ase.Atoms(found.numbers, found.positions, cell=cell, pbc=has_cell)
    host.set_tags(found.get_tags())
    return host


def cut_host(
    crystal: ase.Atoms, miller: tuple[int, int, int], layers: int, free: int, vacuum: float
) -> tuple[ase.Atoms, NDArray[np.int64]]:
    """Cut a slab from a crystal; see :func:`~rm_lammps.seeds.surfaces.cut`.

    Args:
        crystal: periodic in all directions.
        miller: indices of the surface.
        layers: thickness, in crystal cells.
        free: how many of them are to be free.
        vacuum: Å.

    Raises:
        UserError: it is no crystal, more layers are to be free than there are, or there is no such
            surface.
    """
    if not crystal.pbc.all():
        raise UserError("A surface is cut from a crystal.", "Leave out miller.")
    if free > layers:
        raise UserError(
            f"{free} layers are to be free, but the slab has {layers}.",
            "Give fewer free layers, or more layers.",
        )
    return cut(crystal, miller, layers, vacuum)


def points_in(host: ase.Atoms, n: int, rng: np.random.Generator) -> Array:
    """Points anywhere in a host's cell, or in a box around a molecule, shape (n, 3), Å."""
    shares = rng.random((n, 3))
    if host.pbc.any():
        return np.asarray(shares @ host.cell.array)
    low, high = host.positions.min(axis=0) - _MARGIN, host.positions.max(axis=0) + _MARGIN
    return np.asarray(low + shares * (high - low))


def check_overlap(host: ase.Atoms, model: ModelFacts, file: Path) -> None:
    """Refuse a host with atoms on top of each other."""
    symbols = host.get_chemical_symbols()
    elements = list(dict.fromkeys(symbols))
    limits = _OVERLAP * model.statistics.min_distance_matrix(elements, elements)
    of_each = np.array([elements.index(symbol) for symbol in symbols])
    i, j, distances = pairs_of("ijd", host, float(limits.max()))
    close = np.flatnonzero(distances < limits[of_each[i], of_each[j]])
    if len(close):
        first = close[0]
        raise UserError(
            f"Atoms {i[first]} ({symbols[i[first]]}) and {j[first]} ({symbols[j[first]]}) of "
            f"{file} are {distances[first]:.2f} Å apart, which is too close.",
            "Numbers are from 0. Mend the host, or leave atoms out with remove.",
        )


def in_words(values: Array) -> str:
    """Numbers for a message, to a tenth."""
    return " ".join(f"{value:.1f}" for value in values)
