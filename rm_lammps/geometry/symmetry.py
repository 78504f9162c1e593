"""Space groups and operations of symmetry, by spglib."""

import os
from dataclasses import dataclass

import ase
import numpy as np
import spglib

from rm_lammps.geometry.arrays import Array

# it prints to the terminal where it can't refine a cell, which is an answer like any other
os.environ.setdefault("SPGLIB_WARNING", "OFF")

SYMPREC = 0.1
"""Å; relaxed structures carry the noise of their convergence tolerance."""

EXACT = 1e-3
"""Å; for structures that were made with symmetry, and have it but for rounding."""


@dataclass(frozen=True)
class SpaceGroup:
    """Hermann-Mauguin symbol and number; ``unknown`` and 0 where spglib finds none."""

    symbol: str
    number: int

    def __str__(self) -> str:
        return f"{self.symbol} ({self.number})" if self.number else self.symbol


UNKNOWN = SpaceGroup("unknown", 0)


def space_group(atoms: ase.Atoms, symprec: float = SYMPREC) -> SpaceGroup:
    """Space group of a crystal; unknown for molecules.

    What is periodic along a and b only has a layer group: its symbol says so, its number is 0.

    Args:
        atoms: the structure.
        symprec: how far atoms may be from their ideal sites, Å.
    """
    if not atoms.pbc.all():
        return _layer_group(atoms, symprec) if tuple(atoms.pbc) == (True, True, False) else UNKNOWN
    found = spglib.get_spacegroup(spglib_cell(atoms), symprec=symprec)
    if not found:
        return UNKNOWN
    symbol, number = found.rsplit(" ", 1)
    return SpaceGroup(symbol.strip(), int(number.strip("()")))


def _layer_group(atoms: ase.Atoms, symprec: float) -> SpaceGroup:
    found = spglib.get_layergroup(spglib_cell(atoms), aperiodic_dir=2, symprec=symprec)
    if found is None:
        return UNKNOWN
    return SpaceGroup(f"{found.international}, layer group {found.number}", 0)


def symmetry_operations(atoms: ase.Atoms, symprec: float = EXACT) -> tuple[Array, Array]:
    """Operations of a crystal's symmetry, in fractional coordinates.

    Args:
        atoms: the structure.
        symprec: how far atoms may be from their ideal sites, Å.

    Returns:
        Rotations, shape (n, 3, 3), and translations, shape (n, 3); the unity alone where spglib
        finds none.
    """
    found = spglib.get_symmetry(spglib_cell(atoms), symprec=symprec)
    if found is None:
        return np.eye(3)[None], np.zeros((1, 3))
    return found["rotations"].astype(float), found["translations"]


def spglib_cell(atoms: ase.Atoms) -> tuple:
    """A structure as spglib takes it."""
    return atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers
