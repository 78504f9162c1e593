"""Atoms that stay where they are, and structures that keep their frame."""

import ase
import numpy as np
from ase.constraints import FixAtoms
from numpy.typing import NDArray

from rm_lammps.geometry import Array
from rm_lammps.systems.placement import Placement

Indices = NDArray[np.int64]


def held_atoms(atoms: ase.Atoms) -> Indices:
    """Numbers of the atoms that ASE's ``FixAtoms`` holds, in order, from 0."""
    held = [c.index for c in atoms.constraints if isinstance(c, FixAtoms)]
    return np.unique(np.concatenate(held)).astype(np.int64) if held else np.empty(0, np.int64)


MOVING = "moving"
"""LAMMPS group of the atoms that aren't fixed, where some are."""


def hold_commands(held: Indices, spring: float | None) -> list[str]:
    """LAMMPS commands that hold atoms.

    Args:
        held: their numbers, from 0.
        spring: constant of a spring that ties each to where it is, pseudo-eV/Å²; ``None`` for no
            motion at all.
    """
    if not len(held):
        return []
    numbers = " ".join(str(number + 1) for number in held)
    how = "setforce 0.0 0.0 0.0" if spring is None else f"spring/self {spring}"
    commands = [f"group held id {numbers}", f"fix hold held {how}"]
    if spring is None:
        return [*commands, f"group {MOVING} subtract all held"]
    return [*commands, "fix_modify hold energy yes"]


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
    """A structure whose held atoms are where they were before."""
    held = held_atoms(before)
    after.positions[held] = before.positions[held]
    return after
