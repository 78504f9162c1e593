"""Atoms that stay where they are, and structures that keep their frame."""

import ase
import numpy as np
from numpy.typing import NDArray

from rm_lammps.geometry import STIFF, Array
from rm_lammps.systems.placement import Placement

Indices = NDArray[np.int64]


def held_atoms(atoms: ase.Atoms) -> Indices:
    """Numbers of the atoms that ASE's ``FixAtoms`` holds, in order, from 0."""
    if not atoms.constraints:
        return np.empty(0, np.int64)
    from ase.constraints import FixAtoms  # slow to import

    held = [c.index for c in atoms.constraints if isinstance(c, FixAtoms)]
    return np.unique(np.concatenate(held)).astype(np.int64) if held else np.empty(0, np.int64)


MOVING = "moving"
"""LAMMPS group of the atoms that aren't fixed, where some are."""


def stiff_atoms(atoms: ase.Atoms) -> Indices:
    """Numbers of the atoms that move as a whole only, in order, from 0."""
    if STIFF not in atoms.arrays:
        return np.empty(0, np.int64)
    return np.flatnonzero(atoms.arrays[STIFF]).astype(np.int64)


def kept_atoms(atoms: ase.Atoms) -> Indices:
    """Numbers of the atoms that don't move one by one: held ones and stiff ones."""
    return np.union1d(held_atoms(atoms), stiff_atoms(atoms))


def hold_commands(held: Indices, stiff: Indices, spring: float | None) -> list[str]:
    """LAMMPS commands that hold atoms.

    Args:
        held: their numbers, from 0.
        stiff: numbers of those that move as a whole, each by the mean force on all of them.
        spring: constant of a spring that ties each held atom to where it is, pseudo-eV/Å²; ``None``
            for no motion at all.
    """
    commands, still = [], []
    if len(held):
        how = "setforce 0.0 0.0 0.0" if spring is None else f"spring/self {spring}"
        commands += [f"group held id {_in_lammps(held)}", f"fix hold held {how}"]
        if spring is None:
            still.append("held")
        else:
            commands.append("fix_modify hold energy yes")
    if len(stiff):
        commands += [
            f"group stiff id {_in_lammps(stiff)}",
            "fix stiff stiff aveforce 0.0 0.0 0.0",
        ]
        still.append("stiff")
    if still:
        commands.append(f"group {MOVING} subtract all {' '.join(still)}")
    return commands


def _in_lammps(numbers: Indices) -> str:
    return " ".join(str(number + 1) for number in numbers)


def place_in_frame(atoms: ase.Atoms) -> Placement:
    """A structure for LAMMPS's box, its cell turned but not reduced and its atoms not shifted.

    Along directions without periodicity it is put into the middle of the box.
    """
    cell, rotation = atoms.cell.standard_form()
    positions = (atoms.get_scaled_positions() + _to_middle(atoms)) @ cell.array
    return Placement(cell.array, positions, np.asarray(rotation))


def _to_middle(atoms: ase.Atoms) -> Array:
    """Fractional shift that puts a structure into the middle where it is not periodic."""
    sites = atoms.get_scaled_positions(wrap=False)
    middle = (sites.min(axis=0) + sites.max(axis=0)) / 2
    return np.asarray(np.where(atoms.pbc, 0.0, 0.5 - middle))


def in_frame(loaded: ase.Atoms, cell: Array, fractional: Array, rotation: Array) -> ase.Atoms:
    """A structure in the orientation and with the images of atoms of the one that was loaded.

    Args:
        loaded: what it was.
        cell: what it is now in LAMMPS, shape (3, 3), Å.
        fractional: coordinates now, shape (n, 3), up to whole numbers.
        rotation: from the loaded orientation to LAMMPS's.
    """
    before = loaded.get_scaled_positions(wrap=False)
    sites = fractional - _to_middle(loaded)
    near = sites - np.round((sites - before) * loaded.pbc)
    now = loaded.copy()
    now.set_constraint()
    now.set_cell(cell @ rotation)
    now.positions = near @ now.cell.array
    now.set_constraint(loaded.constraints)
    return now


def without_motion(before: ase.Atoms, after: ase.Atoms) -> ase.Atoms:
    """A structure whose held atoms are where they were before, and stiff ones have moved alike."""
    held, stiff = held_atoms(before), stiff_atoms(before)
    after.positions[held] = before.positions[held]
    if len(stiff):
        moved = (after.positions[stiff] - before.positions[stiff]).mean(axis=0)
        after.positions[stiff] = before.positions[stiff] + moved
    return after
