"""Boxes of structures that are periodic in all directions, in some or in none; rows, Å."""

from collections.abc import Sequence

import ase
import numpy as np
from ase.geometry import minkowski_reduce

from rm_lammps.geometry.arrays import Array
from rm_lammps.geometry.cells import reduced

_SMALL = 1e-6
"""Å; a vector that is shorter is none."""


def upright(atoms: ase.Atoms, room: float, *, keep: bool = True) -> Array:
    """A right-handed cell whose vectors without periodicity are at right angles to all others.

    Args:
        atoms: Å; of its cell only the vectors of periodic directions need be there.
        room: empty space along directions without periodicity, both sides together, Å.
        keep: leave a height that the structure fits into as it is.

    Returns:
        Shape (3, 3); the vectors of periodic directions are those given, reduced.
    """
    pbc = np.asarray(atoms.pbc, dtype=bool)
    cell = atoms.cell.array.copy()
    if pbc.all():
        return reduced(cell)
    if pbc.any():
        cell = _reduced_along(cell, pbc)
    basis: list[Array] = []
    for vector in cell[pbc]:
        _add_direction(basis, vector)
    for k in np.flatnonzero(~pbc):
        given = _beyond(basis, cell[k])
        height = float(np.linalg.norm(given))
        _add_direction(basis, given if height > _SMALL else _any_direction(basis))
        extent = float(np.ptp(atoms.positions @ basis[-1])) if len(atoms) else 0.0
        if not (keep and height > extent + _SMALL):
            height = extent + room
        cell[k] = height * basis[-1]
    if np.linalg.det(cell) < 0:
        cell[np.flatnonzero(~pbc)[0]] *= -1
    return cell


def alone(atoms: ase.Atoms, room: float) -> ase.Atoms:
    """The structure periodic in all directions, with empty space where it was not.

    Args:
        atoms: Å; unchanged.
        room: empty space along directions without periodicity, Å.
    """
    cell = upright(atoms, room, keep=False)
    return ase.Atoms(atoms.numbers, atoms.positions, cell=cell, pbc=True)


def _reduced_along(cell: Array, pbc: Sequence[bool] | np.ndarray) -> Array:
    """Reduce the vectors of the periodic directions, if that makes them clearly shorter."""
    two = np.flatnonzero(pbc)
    if len(two) < 2:
        return cell
    a, b = cell[two]
    # sum and difference of short vectors are no shorter than either
    longest = max(np.linalg.norm(a), np.linalg.norm(b))
    if min(np.linalg.norm(a + b), np.linalg.norm(a - b)) > 0.98 * longest:
        return cell
    return np.asarray(minkowski_reduce(cell, pbc=pbc)[0])


def _beyond(basis: Sequence[Array], vector: Array) -> Array:
    rest = np.array(vector, dtype=float)
    for direction in basis:
        rest -= (rest @ direction) * direction
    return rest


def _add_direction(basis: list[Array], vector: Array) -> None:
    rest = _beyond(basis, vector)
    basis.append(rest / np.linalg.norm(rest))


def _any_direction(basis: Sequence[Array]) -> Array:
    rests = [_beyond(basis, axis) for axis in np.eye(3)]
    return max(rests, key=lambda rest: float(np.linalg.norm(rest)))
