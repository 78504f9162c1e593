"""What makes a structure the same as another, whatever its cell, origin and orientation."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import ase
import numpy as np
import spglib
from numpy.typing import NDArray
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Structure

from rm_lammps.geometry import alone

MOLECULE_TOLERANCE = 0.3
"""Å; largest difference between corresponding distances of equal molecules."""

_KEPT = 4096
"""Crystals kept reduced, as pymatgen's objects: these take twenty times the memory of numbers."""

_LARGE = 200
"""Atoms; pymatgen's search for a primitive cell takes seconds from here on, spglib's does not."""
_TRANSLATION = 0.25
"""Å; how far a translation may miss its atoms, as in pymatgen."""


_VACUUM = 10.0
"""Å; more than atoms of one structure are apart."""


class Identity(Protocol):
    """What a structure's identity rests on: small to keep, quick to send to other ranks."""

    def same(self, other: "Identity", matcher: StructureMatcher) -> bool:
        """Whether the other's structure is the same.

        Args:
            other: of a structure of the same system.
            matcher: with the tolerances that were asked for.
        """
        ...


@dataclass(frozen=True, eq=False)
class Crystal:
    """A crystal in plain numbers; the matcher says what is the same."""

    cell: NDArray[np.float64]
    """Å, shape (3, 3)."""
    sites: NDArray[np.float64]
    """Fractional, shape (n, 3)."""
    numbers: NDArray[np.integer]

    def same(self, other: Identity, matcher: StructureMatcher) -> bool:
        """Whether the matcher finds one lattice with atoms at the same places for both."""
        if not isinstance(other, Crystal):
            return False
        small, large = sorted((_reduced(self), _reduced(other)), key=len)
        if len(large) % len(small) or len(large) > max(_LARGE, len(small)):
            return False
        if len(large) > len(small):
            # noise hid a translation in one of them: compare with the other's supercell
            matcher = _supercell_matcher(matcher.ltol, matcher.stol, matcher.angle_tol)
        return bool(matcher.fit(small, large, skip_structure_reduction=True))


@dataclass(frozen=True, eq=False)
class Molecule:
    """A molecule by its distances, in which no orientation or order of atoms is left."""

    pairs: NDArray[np.int64]
    """Atomic numbers of each pair of atoms, in order, shape (n_pairs, 2)."""
    distances: NDArray[np.float64]
    """Sorted for each pair of elements, Å, shape (n_pairs,)."""

    def same(self, other: Identity, matcher: StructureMatcher) -> bool:
        """Whether all distances agree within ``MOLECULE_TOLERANCE``; so do mirror images."""
        if not isinstance(other, Molecule):
            return False
        return np.array_equal(self.pairs, other.pairs) and np.allclose(
            self.distances, other.distances, rtol=0, atol=MOLECULE_TOLERANCE
        )


def identify(atoms: ase.Atoms) -> Identity:
    """What of a structure its identity rests on.

    Where a structure is periodic in some directions only, all have as much vacuum in the others.
    """
    if not atoms.pbc.any():
        return _molecule(atoms)
    if not atoms.pbc.all():
        atoms = alone(atoms, _VACUUM)
    return Crystal(atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)


@lru_cache(maxsize=8)
def _supercell_matcher(ltol: float, stol: float, angle_tol: float) -> StructureMatcher:
    return StructureMatcher(ltol, stol, angle_tol, primitive_cell=False, attempt_supercell=True)


@lru_cache(maxsize=_KEPT)
def _reduced(crystal: Crystal) -> Structure:
    """Primitive Niggli cell, which StructureMatcher would make anew at every comparison.

    Made on first use: most of the work is in it, and a structure like no other never needs it.
    """
    if len(crystal.numbers) > _LARGE:
        whole = crystal.cell, crystal.sites, crystal.numbers
        found = spglib.standardize_cell(
            whole, to_primitive=True, no_idealize=True, symprec=_TRANSLATION
        )
        cell, sites, numbers = whole if found is None else found
        return Structure(cell, numbers, sites).get_reduced_structure("niggli")
    structure = Structure(crystal.cell, crystal.numbers, crystal.sites)
    # in this order: a translation is easier to find in a compact cell
    return structure.get_reduced_structure("niggli").get_primitive_structure()


def _molecule(atoms: ase.Atoms) -> Molecule:
    i, j = np.triu_indices(len(atoms), 1)
    pairs = np.sort(np.stack([atoms.numbers[i], atoms.numbers[j]], axis=1), axis=1)
    distances = atoms.get_all_distances()[i, j]
    order = np.lexsort((distances, pairs[:, 1], pairs[:, 0]))
    return Molecule(pairs[order], distances[order])
